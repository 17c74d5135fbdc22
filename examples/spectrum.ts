// The spectrum of the Hessian of a small net on real digits, 40 % of the labels redrawn, after Adam and after NSO at equal
// numbers of gradient evaluations: the net, the data and the settings of `npm start` on wasm.
// Expected: NSO ends on flatter ground. Its largest eigenvalue is some 4 against 100, its trace some 50 against 420, and
// its accuracy on clean images 76 % against 54 %. Writes saltflat-report/spectrum.png with the two spectra (--out FILE for
// another place or format, --json FILE for the figures, --backend NAME). Two minutes of processor time on tfjs-node, seven
// on wasm, which serves without it. Runs offline: npm run example -- spectrum
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { adam, cosine, hessian, nso, save, shuffled, spectralDensity, topEigenvalues, trace } from 'saltflat'
import { chooseBackend, loadBackend } from '../src/cli/backend.ts'
import { type Images, oneHot, prepare } from '../src/cli/data.ts'
import { loadDigits } from '../src/cli/digits.ts'
import { convNet } from '../src/cli/model.ts'
import { machine, version } from '../src/cli/program.ts'
import { settingsFor } from '../src/cli/settings.ts'

const { values: flags } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    out: { type: 'string', default: 'saltflat-report/spectrum.png' },
    json: { type: 'string' },
    backend: { type: 'string' },
  },
})
const { name: backend } = await chooseBackend(flags.backend as 'wasm' | undefined)
await loadBackend(backend)

const settings = settingsFor(flags.smoke ? 'smoke' : 'default', 'wasm', 0)
const { seed, sigma, learningRate, gradientEvaluations, batchSize } = settings
const cost = flags.smoke ? { probes: 2, starts: 1, steps: 4 } : { probes: 24, starts: 2, steps: 40 }
const { train, test } = prepare({ train: await loadDigits() }, settings)
const tensors = ({ pixels, labels }: Images) => ({
  x: tf.tensor4d(pixels, [labels.length, 28, 28, 1]),
  y: tf.tensor2d(oneHot(labels), [labels.length, 10]),
})
const [seen, clean] = [tensors(train), tensors(test)]

/** Trains the net by one method, and measures where it has come to. */
async function run(name: 'Adam' | 'NSO') {
  const model = convNet(seed)
  const steps = gradientEvaluations / (name === 'NSO' ? 2 : 1)
  const base = adam({ learningRate: cosine({ initial: learningRate, steps }) })
  const optimizer = name === 'NSO' ? nso(base, { sigma, seed }) : base
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const epochs = Math.ceil(steps / Math.ceil(settings.images / batchSize))
  await model.fit(seen.x, seen.y, { epochs, batchSize, callbacks: shuffled({ seed }), verbose: 0 })
  const [, accuracy] = model.evaluate(clean.x, clean.y, { batchSize: 500 }) as tf.Scalar[]

  const H = hessian(model, seen.x, seen.y, { batchSize: settings.images })
  const top = await topEigenvalues(H, { count: 1, seed, steps: cost.steps, tolerance: 1e-3 })
  const sum = await trace(H, { probes: cost.probes, seed })
  const density = await spectralDensity(H, { probes: cost.starts, steps: cost.steps, seed })
  const found = {
    accuracy: accuracy!.dataSync()[0]! * 100,
    lambdaMax: top.values[0]!,
    residual: top.residuals[0]!,
    trace: sum.mean,
    traceError: sum.standardError,
  }
  console.log(
    `${name.padEnd(5)} clean images ${found.accuracy.toFixed(1)} %   λ_max ${found.lambdaMax.toFixed(1)}   ` +
      `trace ${found.trace.toFixed(0)} ± ${found.traceError.toFixed(0)}`,
  )
  return { found, density }
}

const begun = performance.now()
const [plain, flat] = [await run('Adam'), await run('NSO')]
const seconds = (performance.now() - begun) / 1000
const { user, system } = process.cpuUsage()
const cpuSeconds = (user + system) / 1e6
await save({ Adam: plain.density, NSO: flat.density }, flags.out)
console.log(`${flags.out}, after ${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} of a processor, on ${backend}`)
if (flags.json !== undefined) {
  const methods = { adam: plain.found, nso: flat.found }
  const run = { version: await version(), machine: await machine(), backend, seconds, cpuSeconds }
  const figures = { kind: 'spectrum', ...run, ...settings, ...cost, methods }
  await writeFile(flags.json, `${JSON.stringify(figures, null, 2)}\n`)
}
