// Writes noise.json: the noise U that our generator draws for estimators.py, which gives it to torch.
// node --import=@oxc-node/core/register __test__/oracle/noise.ts

import { writeFileSync } from 'node:fs'
import { loadBinding } from '../../src/native/index.ts'

/** Elements of the weights of the small net in estimators.py: kernel, bias, kernel, bias. */
const sizes = [15, 5, 10, 2]
const [seed, steps, perturbations] = [7, 20, 2]

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
/** Nine digits tell any two float32 apart. */
const short = (values: Float32Array) => Array.from(values, (value) => Number(value.toPrecision(9)))
const noise = range(steps).map((step) =>
  range(perturbations).map((j) =>
    sizes.map((size, tensor) => short(loadBinding().sample(seed, 'gaussian', 0, step, j, tensor, size))),
  ),
)
const rows = noise.map((ofStep) => `  ${JSON.stringify(ofStep)}`).join(',\n')
writeFileSync(new URL('noise.json', import.meta.url), `{\n "seed": ${seed},\n "noise": [\n${rows}\n ]\n}\n`)
