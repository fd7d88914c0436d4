// SPDX-License-Identifier: Apache-2.0
// `make new OP=Swish`: the two files of an operator, cpp/ops/swish.cc and tests/ops/swish.ts. They compile, and fail their
// check and their test until they are filled in.
import { existsSync, writeFileSync } from 'node:fs'

const name = process.argv[2] ?? ''
if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
  console.error('Name the operator in PascalCase: make new OP=Swish')
  process.exit(1)
}
const stem = name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase()

const kernel = `// SPDX-License-Identifier: Apache-2.0
// ${name}: a sentence and the formula, then the kernels, then the declaration. cpp/ops/leaky_relu.cc is the model.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float) const { return __builtin_nanf(""); }  // the formula, one element
};

template <class Device>
struct ${name} {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

PF_OP(${name})
    .doc("")  // what it computes, with the formula
    .input("X", "")
    .output("Y", "")
    .shape(same_floats)
    // .grad(…) with the gradient's maker, or .no_grad()
    .kernel<${name}>();

}  // namespace
}  // namespace pf
`

const test = `// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('${name}', {
  // grad: ['X'],
  // inplace: true,
  cases: [{ name: 'a case computed by hand', in: { X: [[3], [-2, 0, 5]] }, out: { Y: [[3], [0, 0, 0]] } }],
  // random: { shapes: [[1], [7, 3], [2, 3, 17, 5]], ref: (x) => the formula in double },
})
`

for (const [path, text] of [
  [`cpp/ops/${stem}.cc`, kernel],
  [`tests/ops/${stem}.ts`, test],
]) {
  if (existsSync(path)) {
    console.error(`${path} is there already`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`wrote ${path}`)
  }
}
console.log(`Fill them in; then: make test OP=${name}, make gen, make check`)
