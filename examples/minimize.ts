// Minimizes a function with two basins, a narrow one and beside it a wide one that is less deep, by gradient descent and by
// NSO, on a plain Float32Array: no TensorFlow.js, no tensors.
// Expected: both start in the narrow basin. Gradient descent stays in it (f = -1.17); NSO, for whose noise it is too
// narrow, goes to the bottom of the wide one (f = -1.00). A second. Runs offline: npm run example -- minimize
import { cosine, minimize, nso, sgd, type VectorGradient } from 'saltflat'

const smoke = process.argv.includes('--smoke')
const steps = smoke ? 200 : 4000

/** −depth·exp(−‖x − centre‖²/(2·width²)), summed over the basins. */
const basins = [
  { centre: 1, width: 1, depth: 1 },
  { centre: 0, width: 0.15, depth: 0.8 },
]

const f: VectorGradient = (x) => {
  const gradient = new Float32Array(x.length)
  let loss = 0
  for (const { centre, width, depth } of basins) {
    const square = x.reduce((sum, one) => sum + (one - centre) ** 2, 0)
    const value = depth * Math.exp(-square / (2 * width ** 2))
    loss -= value
    for (const [i, one] of x.entries()) gradient[i]! += (value * (one - centre)) / width ** 2
  }
  return { loss, gradient }
}

const start = Float32Array.of(0.1, 0.1)
const learningRate = cosine({ initial: 0.02, steps })
for (const [name, optimizer] of Object.entries({
  'gradient descent': sgd({ learningRate }),
  NSO: nso(sgd({ learningRate }), { sigma: 0.5, seed: 7 }),
})) {
  const { x, gradients } = await minimize(f, start, optimizer, { steps: Math.floor(steps / optimizer.passesPerStep) })
  const { loss } = f(x) as { loss: number }
  const place = Array.from(x, (one) => one.toFixed(2)).join(', ')
  console.log(`${name.padEnd(16)} f(${place}) = ${loss.toFixed(2)}   ${gradients} gradients`)
}
