import { sep } from 'node:path'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { barLine, cleared, type Screen } from '../../callbacks/bar.ts'
import { AbortedError, type LongRunOptions, type Progress, type RunOptions } from '../../curvature/lanczos.ts'
import type { Operator } from '../../curvature/operator.ts'
import { forward } from '../../grads/evaluate.ts'
import { still } from '../../grads/hessian-product.ts'
import { ModelLoss } from '../../grads/model-loss.ts'
import { hessian, spectralDensity, topEigenvalues, trace } from '../../index.ts'
import { loadSavedModel } from '../../io/saved-model.ts'
import { saveView } from '../../report/save.ts'
import { toText, wrap } from '../../report/text.ts'
import { onInterrupt } from '../interrupt.ts'
import { runProgram } from '../program.ts'
import { type Arguments, type CommandName, commandNames, parseArguments } from './args.ts'
import { chooseBackend } from './backend.ts'
import { checkpointAt } from './checkpoint.ts'
import { checkFiles, readExamples } from './inputs.ts'
import { checkOutput, makeFolder } from './output.ts'
import { usageOf } from './usage.ts'
import { type Finding, jsonOf, viewOfFinding } from './view.ts'

// `saltflat spectrum | trace | top`: the curvature of a model that tfjs has saved.

async function main([command, ...argv]: readonly string[]): Promise<number> {
  const name = commandNames.find((one) => one === command) as CommandName
  const args = parseArguments(name, argv)
  if (args.help) {
    console.log(usageOf(name))
    return 0
  }
  await checkFiles([args.model, ...args.data, ...args.labels])
  // Before what may take hours.
  if (args.out !== undefined) await checkOutput(args.out)
  if (args.checkpoint !== undefined) await makeFolder(args.checkpoint)
  const stop = new AbortController()
  const view = progressView(process.stderr, name === 'top' ? 'at most ' : '')
  const release = onInterrupt(() => {
    view.clear()
    console.error('Ending after the current product; press Ctrl-C again to quit at once.')
    stop.abort()
  })
  try {
    const finding = await find(name, args, { signal: stop.signal, onProgress: view.update })
    view.clear()
    return await tell(finding, args)
  } finally {
    view.clear()
    release()
  }
}

async function find(command: CommandName, args: Arguments, signals: RunOptions): Promise<Finding> {
  const backend = await chooseBackend(args.backend)
  const model = await loadSavedModel(args.model)
  model.compile({ optimizer: 'sgd', loss: args.loss })
  const { x, y, count, notes } = await readExamples(model, args)
  for (const note of notes) console.error(note)
  const { batchSize, layers: filter, method, step, checkpoint: path } = args
  const value = lossOf(model, x, y, batchSize)
  const operator = hessian(model, x, y, { batchSize, filter, method, ...(step !== undefined && { step }) })
  const checkpoint = path === undefined ? null : checkpointAt(path, args, [...model.getWeights(), ...x, ...y])
  const watched = { ...signals, ...(checkpoint && { checkpoint: checkpoint.store }) }
  const begun = performance.now()
  const { result, complete } = await measured<Finding['result']>(() => measures[command](operator, args, watched))
  const seconds = (performance.now() - begun) / 1000
  if (complete) await checkpoint?.remove()
  return { command, args, result, complete, backend, examples: count, size: operator.size, value, seconds } as Finding
}

/** The loss that the Hessian is of: it tells at a glance whether data, scale and labels are those of the training. */
function lossOf(model: LayersModel, x: Tensor[], y: Tensor[], batchSize: number): number {
  const loss = new ModelLoss(model, { training: false })
  const batches = loss.cut(x, y, batchSize)
  const sum = batches.reduce(
    (total, batch) => total + batch.examples * still(loss.variables, () => forward(batch.loss)),
    0,
  )
  return sum / batches.reduce((total, { examples }) => total + examples, 0)
}

const measures = {
  spectrum: (operator: Operator, { probes, steps, seed }: Arguments, watched: LongRunOptions) =>
    spectralDensity(operator, { probes, seed, ...(steps !== null && { steps }), ...watched }),
  trace: (operator: Operator, { probes, seed }: Arguments, watched: LongRunOptions) =>
    trace(operator, { probes, seed, ...watched }),
  top: (operator: Operator, { count, which, steps, seed }: Arguments, watched: LongRunOptions) =>
    topEigenvalues(operator, {
      ...{ count: Math.min(count, operator.size), which, seed, ...watched },
      ...(steps !== null && { steps }),
    }),
}

/** A result, in whole or what there was when its signal came; null where that is nothing. */
async function measured<T>(run: () => Promise<T>): Promise<{ result: T | null; complete: boolean }> {
  try {
    return { result: await run(), complete: true }
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error
    return { result: error.partial as T | null, complete: false }
  }
}

/** Prints and writes what was found; gives the exit code. */
async function tell(finding: Finding, { out, json }: Arguments): Promise<number> {
  const code = finding.complete ? 0 : 130
  if (finding.result === null) {
    console.error('Ended before there was anything to tell.')
    return code
  }
  const view = viewOfFinding(finding)
  if (json) console.log(jsonOf(finding).trimEnd())
  else {
    const width = Math.min(process.stdout.columns || 100, 100)
    const say = (sentence: string) => console.log(wrap(sentence, width).join('\n'))
    say(view.subject)
    console.log(`\n${toText(view.table)}\n`)
    for (const sentence of view.summary) say(sentence)
  }
  if (out !== undefined) {
    await saveView(view, out)
    console.error(`${finding.complete ? '' : 'partial: '}${out.replaceAll(sep, '/')}`)
  }
  return code
}

/** Lines of a run where there is no terminal. */
const lines = 10

/** A bar on a terminal, some lines elsewhere. */
function progressView(screen: Screen, bound: string): { update(progress: Progress): void; clear(): void } {
  const begun = performance.now()
  let drawn = false
  return {
    update({ done, total }) {
      const text = `${done} of ${bound}${total} products`
      if (!screen.isTTY) {
        if (done % Math.ceil(total / lines) === 0) screen.write(`${text}\n`)
        return
      }
      screen.write(barLine(done / total, performance.now() - begun, text, screen))
      drawn = true
    },
    clear() {
      if (drawn) screen.write(cleared)
      drawn = false
    },
  }
}

await runProgram(main)
// A backend's threads would keep the process alive.
process.stdout.write('', () => process.exit())
