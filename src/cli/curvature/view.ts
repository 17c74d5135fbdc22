import type { SpectralDensity } from '../../curvature/spectral-density.ts'
import type { TopEigenvalues } from '../../curvature/top-eigenvalues.ts'
import type { HutchinsonTrace } from '../../curvature/trace.ts'
import { curvatureView, namedResults } from '../../report/curvature/view.ts'
import { curvatureJson } from '../../report/json.ts'
import { count, significant, withError } from '../../report/text.ts'
import type { Plottable, Table } from '../../report/types.ts'
import type { Arguments } from './args.ts'

interface Found {
  readonly args: Arguments
  readonly complete: boolean
  /** The package that served. */
  readonly backend: string
  readonly examples: number
  /** Weights that the Hessian is taken in. */
  readonly size: number
  /** The loss at the weights. */
  readonly value: number
  readonly seconds: number
}

/** A result and how it came about; null where the run was ended before there was one. */
export type Finding = Found &
  (
    | { readonly command: 'spectrum'; readonly result: SpectralDensity | null }
    | { readonly command: 'trace'; readonly result: HutchinsonTrace | null }
    | { readonly command: 'top'; readonly result: TopEigenvalues | null }
  )

type Parts = Pick<Plottable, 'title' | 'summary' | 'table' | 'notes'>

/** Text, picture and data of a finding. */
export function viewOfFinding(finding: Finding): Plottable {
  const { command, args, result, complete, backend, examples, size, value, seconds } = finding
  const parts = partsOf(finding)
  // The data is that of the functions' own result: a file of it is what `save` writes.
  const { charts, rows, array, data } = curvatureView(namedResults(result))
  const { loss, seed, batchSize, scale, method, step } = args
  const settings = {
    ...{
      loss,
      seed,
      'batch size': batchSize,
      scale,
      products: step === undefined ? method : `${method}, step ${step}`,
    },
    ...(args.layers && { layers: args.layers.source }),
    backend,
  }
  return {
    ...parts,
    ...{ charts, rows, data, ...(array && { array }) },
    subject: `The Hessian of ${args.model} at ${count(size)} weights, on ${count(examples)} examples of ${args.data.join(', ')}, where the loss is ${significant(value)}.`,
    summary: [
      ...(complete ? [] : ['Ended early: what follows is what there was by then.']),
      ...parts.summary,
      `It took ${count(result?.passes ?? 0)} gradients of a batch and ${significant(seconds)} s on ${backend}.`,
    ],
    settings: Object.entries(settings).map(([name, one]) => [name, `${one}`] as const),
    command: commandLine(command, args),
  }
}

/** What `--json` prints: the file of `save`, which `loadResult` reads, and how the result came about. */
export function jsonOf({ command, args, result, complete, backend, examples, size, value, seconds }: Finding): string {
  const { model, data, labels, loss, scale, method, step, batchSize, seed, layers } = args
  const run = {
    ...{ command, complete, model, data, labels, loss, scale, method, step, batchSize, seed, layers: layers?.source },
    ...{ backend, examples, size, lossAtWeights: value, seconds },
  }
  return [...curvatureJson(namedResults(result), { run })].join('')
}

function partsOf(finding: Finding): Parts {
  if (finding.command === 'spectrum') return spectrumParts(finding.result!, finding.size)
  return finding.command === 'trace' ? traceParts(finding.result!) : topParts(finding.result!, finding.args)
}

const powers = ['λ', 'λ²', 'λ³', 'λ⁴']

function spectrumParts({ runs, moments, steps }: SpectralDensity, size: number): Parts {
  const nodes = runs.flatMap((run) => run.nodes)
  const [low, high] = [Math.min(...nodes), Math.max(...nodes)]
  const [mean] = moments
  return {
    title: 'Spectrum of the Hessian',
    summary: [
      `Eigenvalues lie between ${significant(low)} and ${significant(high)}, as ${runs.length} ${runs.length === 1 ? 'start' : 'starts'} of ${steps} products see${runs.length === 1 ? 's' : ''} them.`,
      `Their sum, the trace, is ${withError(mean!.mean * size, mean!.standardError * size)}.`,
    ],
    table: {
      columns: ['', 'mean', 'standard error', '95 % between'],
      rows: moments.map(({ mean, standardError, interval95 }, i) => [
        ...[powers[i] ?? `λ^${i + 1}`, significant(mean)],
        // One start tells nothing of its error.
        ...(Number.isFinite(standardError)
          ? [significant(standardError), interval95.map((end) => significant(end)).join(' and ')]
          : ['?', '?']),
      ]),
    },
    notes: ['Each node of a start is drawn as a Gaussian; an eigenvalue far from the others counts by its weight.'],
  }
}

function traceParts({ mean, standardError, perLayer, probes }: HutchinsonTrace): Parts {
  const rows = perLayer.map((one) => [one.name, significant(one.mean), significant(one.standardError)])
  return {
    title: 'Trace of the Hessian',
    summary: [`The trace is ${withError(mean, standardError)}, from ${probes} probes.`],
    table: table(['variable', 'trace', 'standard error'], rows),
    notes: ['Hutchinson’s estimate: mean and standard error over probes of ±1.'],
  }
}

function topParts({ values, residuals, converged, complete, steps }: TopEigenvalues, { which }: Arguments): Parts {
  const rows = values.map((value, i) => [
    `${i + 1}`,
    ...[significant(value, 6), significant(residuals[i]!), converged[i] ? 'yes' : 'no'],
  ])
  const open = converged.filter((one) => !one).length
  const kind = which === 'smallest' ? 'smallest' : which === 'magnitude' ? 'largest in magnitude' : 'largest'
  return {
    title: 'Top eigenvalues of the Hessian',
    summary: [
      `The ${kind} is ${significant(values[0]!, 6)}, with a residual of ${significant(residuals[0]!, 2)}.`,
      `${values.length - open} of ${values.length} converged in ${steps} products${open === 0 ? '.' : '; for the others ask for more --steps.'}`,
    ],
    table: table(['', 'eigenvalue', 'residual', 'converged'], rows),
    notes: [
      'An eigenvalue is right up to its residual.',
      ...(complete ? [] : ['Of one that repeats some copies may be missing.']),
    ],
  }
}

function table(columns: readonly string[], rows: Table['rows']): Table {
  return { columns, rows }
}

/** The command that gives the same again. */
function commandLine(command: string, args: Arguments): string {
  const quoted = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text}'`)
  const flags = [
    ...[`--model ${quoted(args.model)}`, ...args.data.map((file) => `--data ${quoted(file)}`)],
    ...[...args.labels.map((file) => `--labels ${quoted(file)}`), `--loss ${args.loss}`],
    ...(command === 'top' ? [`--count ${args.count}`, `--which ${args.which}`] : [`--probes ${args.probes}`]),
    ...(args.steps === null ? [] : [`--steps ${args.steps}`]),
    ...(args.layers ? [`--layers '${args.layers.source}'`] : []),
    ...(args.examples === null ? [] : [`--examples ${args.examples}`]),
    ...(args.scale === 1 ? [] : [`--scale ${args.scale}`]),
    ...(args.method === 'exact' ? [] : [`--method ${args.method}`]),
    ...(args.step === undefined ? [] : [`--step ${args.step}`]),
    ...[`--batch-size ${args.batchSize}`, `--seed ${args.seed}`],
    ...(args.backend ? [`--backend ${args.backend}`] : []),
  ]
  return `npx saltflat ${command} ${flags.join(' ')}`
}
