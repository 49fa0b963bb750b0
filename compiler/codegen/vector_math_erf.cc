// erf, for registers of tables and without.
#include <vector>

#include "compiler/codegen/vector_math.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lathe {
namespace {

using llvm::Value;

// erf(a) / a on 16 intervals, a = (i + t) / kErfScale with |t| <= 1/2: for each
// power of t, from the highest down, its coefficients by i. Chebyshev fits of
// degree 5, within 0.07 units of a float's last place.
constexpr double kErfScale = 3.75;
constexpr int kErfDegree = 5, kErfIntervals = 16;
constexpr float kErfTable[kErfDegree + 1][kErfIntervals] = {
    {0.0, -5.053051117e-5, -6.680340181e-5, -4.464456492e-5, -8.036630995e-6, 1.726508787e-5,
     2.307382427e-5, 1.654887103e-5, 7.743142624e-6, 1.874457593e-6, -6.367068694e-7,
     -1.192770763e-6, -1.023433568e-6, -7.277704723e-7, -4.89624734e-7, -3.282924417e-7},
    {0.0005669888677, 0.0004323860169, 0.0001218402727, -0.0001685579292, -0.0002999835394,
     -0.0002692641443, -0.0001613902288, -5.962899812e-5, 5.272764392e-7, 2.307086988e-5,
     2.507335624e-5, 2.001216149e-5, 1.434363266e-5, 9.971336288e-6, 6.960306155e-6,
     4.942775973e-6},
    {0.0, 0.002096438618, 0.003236163882, 0.003099653363, 0.002091787849, 0.000904628898,
     3.23799911e-5, -0.0003969124818, -0.0004981261069, -0.0004396808237, -0.0003386148907,
     -0.0002474057637, -0.0001790311592, -0.0001309713152, -9.756462608e-5, -7.406716557e-5},
    {-0.02674642749, -0.02346420354, -0.01514859353, -0.005350256396, 0.002568227889,
     0.007029394785, 0.008324521135, 0.007674995955, 0.00627248863, 0.004843771642, 0.003674715772,
     0.002800919952, 0.002166978669, 0.00170634514, 0.001366540643, 0.001111100743},
    {0.0, -0.05126805197, -0.09045363308, -0.1108801397, -0.113151567, -0.1029558136, -0.0871647803,
     -0.07095183461, -0.05695533913, -0.04586934854, -0.03740183408, -0.03097189591, -0.02603815161,
     -0.02218880422, -0.01913257926, -0.01666665794},
    {1.128379162, 1.102193467, 1.029936037, 0.9276262087, 0.8142862323, 0.7054901721, 0.6102177394,
     0.5312711253, 0.4675532847, 0.4163797856, 0.3749390846, 0.340897675, 0.312498117, 0.2884612657,
     0.2678571082, 0.2499999962}};

}  // namespace

// Coefficients: interpolation at Chebyshev nodes, computed with 40 digits. For
// |x| < 1 in x^2; above, erfc(x) exp(x^2) in t = a / (x + 2) + b, which is
// [-1, 1] for x from the last value below 1 to where erf rounds to 1.
Value* VectorMath::Erf(Value* x) {
  if (IsAvx512Register(x)) return ErfByTable(x);
  const bool is_double = IsDouble(x);
  Value* magnitude = Clamp(Abs(x), 0, is_double ? 6 : 4);
  Value* square = b_.CreateFMul(x, x);
  Value* t = b_.CreateFDiv(Real(x, is_double ? 9.6 : 12), b_.CreateFAdd(magnitude, Real(x, 2)));
  t = b_.CreateFAdd(t, Real(x, is_double ? -2.2 : -3));
  Value* small;
  Value* tail;
  if (is_double) {
    small = Polynomial(
        square,
        {5.9571761477489114e-11, -1.13728488567916737e-9, 1.46597752740474358e-8,
         -1.6350312701054695e-7, 1.6461000484121368e-6, -0.0000149255952668311816,
         0.000120553311116427109, -0.000854832698083378991, 0.00522397762481801447,
         -0.0268661706450767932, 0.112837916709548787, -0.376126389031837481, 1.12837916709551257});
    tail =
        Polynomial(t, {1.86209898068151617e-11, -7.29050853516539748e-11, -2.63424302100066881e-10,
                       2.6223500325142788e-9, -5.92636131528183211e-10, -7.00517020547537375e-8,
                       1.63501023720879839e-7, 1.97956115820926427e-6, -7.34051828499986927e-6,
                       -0.0000807922041180412827, 0.000197139177760088895, 0.00558881628182587813,
                       0.0385605704251815636, 0.161893568041025353, 0.221429540229931806});
  } else {
    small = Polynomial(square, {7.875875063e-5, -0.0008016864287, 0.005189087423, -0.02685421201,
                                0.1128359472, -0.3761262667, 1.128379166});
    tail = Polynomial(t, {-1.149486198e-6, -2.802938326e-5, 4.607866369e-5, 0.002924752079,
                          0.02685091128, 0.1423953299, 0.2553956763});
  }
  small = b_.CreateFMul(small, x);
  Value* decay = Exp(b_.CreateFNeg(b_.CreateFMul(magnitude, magnitude)));
  Value* large = b_.CreateFSub(Real(x, 1), b_.CreateFMul(decay, tail));
  Value* is_small = b_.CreateFCmpOLT(magnitude, Real(x, 1));
  return b_.CreateSelect(is_small, small, CopySign(large, x));
}

bool VectorMath::IsAvx512Register(Value* x) const {
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  return has_avx512_ && type != nullptr && type->getNumElements() == kErfIntervals &&
         type->getElementType()->isFloatTy();
}

// A register holds one coefficient of all intervals, so that a permutation looks
// it up for 16 lanes at once: no division, no exponential, no branch.
Value* VectorMath::ErfByTable(Value* x) {
  Value* bounded = Clamp(x, -4, 4);
  Value* magnitude = Abs(bounded);
  constexpr double kMagic = 0x1.8p23;  // adding it rounds to an integer, in the low bits
  Value* shifted = MulAdd(magnitude, Real(x, kErfScale), Real(x, kMagic));
  Value* interval = b_.CreateFSub(shifted, Real(x, kMagic));
  Value* t = MulAdd(magnitude, Real(x, kErfScale), b_.CreateFNeg(interval));
  Value* index = Bits(shifted);  // the permutation uses the lowest four bits
  auto look_up = [&](int power) -> Value* {
    llvm::Constant* table = llvm::ConstantDataVector::get(
        b_.getContext(), llvm::ArrayRef<float>(kErfTable[power], kErfIntervals));
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {table, index});
  };
  Value* sum = look_up(0);
  for (int power = 1; power <= kErfDegree; ++power) sum = MulAdd(sum, t, look_up(power));
  return b_.CreateFMul(sum, bounded);
}

}  // namespace lathe
