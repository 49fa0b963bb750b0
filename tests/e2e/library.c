/* A library as candidates may call: cblas_sgemm in plain loops, row-major only. */
enum { kTranspose = 112 };

void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  (void)order;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = beta * c[i * ldc + j];
      for (int p = 0; p < k; ++p) {
        float x = transpose_a == kTranspose ? a[p * lda + i] : a[i * lda + p];
        float y = transpose_b == kTranspose ? b[j * ldb + p] : b[p * ldb + j];
        sum += alpha * x * y;
      }
      c[i * ldc + j] = sum;
    }
  }
}
