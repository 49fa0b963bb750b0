# cmake -D OBJECTS=a.o;b.o -D OUTPUT=x.cc -P EmbedObjects.cmake: writes C++ that
# defines lathe::EmbeddedObjects() (compiler/codegen/embedded_objects.h).
set(arrays "")
set(views "")
set(index 0)
foreach(object ${OBJECTS})
  file(READ ${object} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "const unsigned char kObject${index}[] = {${bytes}};\n")
  string(APPEND views
    "    std::string(reinterpret_cast<const char*>(kObject${index}), sizeof(kObject${index})),\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"compiler/codegen/embedded_objects.h\"

namespace lathe {
namespace {
${arrays}
}  // namespace

std::vector<std::string> EmbeddedObjects() {
  return {
${views}  };
}

}  // namespace lathe
")
