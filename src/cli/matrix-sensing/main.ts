import { join } from 'node:path'
import { type MatrixSensing, sensingMethods } from '../../report/matrix-sensing.ts'
import { count } from '../../report/text.ts'
import { chooseBackend, loadBackend } from '../backend.ts'
import { onInterrupt } from '../interrupt.ts'
import { machine, makeFolders, runProgram, show, version } from '../program.ts'
import { type Arguments, commandOf, parseArguments, usage } from './args.ts'
import { draw } from './problem.ts'
import { type ProgressView, progressView } from './progress.ts'
import { run } from './run.ts'
import { Sensing } from './sensing.ts'
import { settingsFor } from './settings.ts'

// Matrix sensing: node dist/cli/matrix-sensing/main.js.

async function main(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv)
  if (args.help) {
    console.log(usage)
    return 0
  }
  const stop = new AbortController()
  let view: Pick<ProgressView, 'clear'> = { clear() {} }
  const release = onInterrupt(() => {
    stop.abort()
    view.clear()
    console.error('Ending after the current step; press Ctrl-C again to quit at once.')
  })
  try {
    await makeFolders(args)
    const result = await solve(args, stop.signal, (started) => {
      view = started
    })
    view.clear()
    const pictures = ['html', 'svg', 'png'].map((extension) => join(args.out, `matrix-sensing.${extension}`))
    await show(result, pictures, args)
    return result.complete ? 0 : 130
  } finally {
    view.clear()
    release()
  }
}

async function solve(
  args: Arguments,
  signal: AbortSignal,
  started: (view: ProgressView) => void,
): Promise<MatrixSensing> {
  const begun = performance.now()
  const { name: backend, served, reason } = await chooseBackend(args.backend)
  if (reason) console.log(`On wasm, about five times slower: ${reason}.`)
  await loadBackend(backend)
  const settings = settingsFor(args.smoke, args.seed, args.steps)
  const { points: _, ...configuration } = settings
  const { dimension: d, rank, measurements, steps } = settings
  console.log(
    `A ${d}×${d} matrix of rank ${rank} from ${count(measurements)} measurements: GD, one-sided noise and NSO take ${count(steps)} steps each, in turns, on ${served}.`,
  )
  const problem = draw(settings)
  const sensing = new Sensing(problem)
  const view = progressView(process.stderr, settings)
  started(view)
  try {
    const methods = await run(sensing, problem.start, settings, { signal, report: view.update })
    return {
      ...methods,
      kind: 'matrix-sensing',
      complete: sensingMethods.every((method) => methods[method]?.steps === steps),
      smoke: args.smoke,
      version: await version(),
      machine: await machine(),
      backend,
      ...configuration,
      seconds: (performance.now() - begun) / 1000,
      command: commandOf(args),
    }
  } finally {
    sensing.dispose()
  }
}

await runProgram(main)
