import type { SpectralDensity } from '../../curvature/spectral-density.ts'
import type { TopEigenvalues } from '../../curvature/top-eigenvalues.ts'
import type { HutchinsonTrace } from '../../curvature/trace.ts'
import { curvatureView, namedResults } from '../../report/curvature/view.ts'
import { count, significant } from '../../report/text.ts'
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
  const { command, args, result, complete, backend, examples, size, seconds } = finding
  const parts = partsOf(finding)
  const { charts, rows, array } = curvatureView(namedResults(result))
  const { loss, seed, batchSize, scale } = args
  const settings = { loss, seed, batchSize, scale }
  const passes = result?.passes ?? 0
  const { data, labels, model } = args
  return {
    ...parts,
    ...{ charts, rows, ...(array && { array }) },
    subject: `The Hessian of ${model} at ${count(size)} weights, on ${count(examples)} examples of ${data.join(', ')}.`,
    summary: [
      ...(complete ? [] : ['Ended early: what follows is what there was by then.']),
      ...parts.summary,
      `It took ${count(passes)} gradients of a batch and ${significant(seconds)} s on ${backend}.`,
    ],
    settings: [
      ...Object.entries({ loss, seed, 'batch size': batchSize, scale }).map(([name, one]) => [name, `${one}`] as const),
      ...(args.layers ? [['layers', args.layers.source] as const] : []),
      ['backend', backend],
    ],
    command: commandLine(command, args),
    data: {
      ...{
        command,
        complete,
        model,
        data,
        labels,
        ...settings,
        batchSize: args.batchSize,
        layers: args.layers?.source,
      },
      ...{ backend, examples, size, seconds, result },
    },
  }
}

function partsOf(finding: Finding): Parts {
  if (finding.command === 'spectrum') return spectrumParts(finding.result!, finding.size)
  return finding.command === 'trace' ? traceParts(finding.result!) : topParts(finding.result!)
}

function spectrumParts({ runs, moments, steps }: SpectralDensity, size: number): Parts {
  const nodes = runs.flatMap((run) => run.nodes)
  const [low, high] = [Math.min(...nodes), Math.max(...nodes)]
  const [mean] = moments
  return {
    title: 'Spectrum of the Hessian',
    summary: [
      `Eigenvalues lie between ${significant(low)} and ${significant(high)}, as ${runs.length} starts of ${steps} products see them.`,
      `Their sum, the trace, is ${significant(mean!.mean * size)} ± ${significant(mean!.standardError * size)}.`,
    ],
    table: {
      columns: ['power of λ', 'mean', 'standard error'],
      rows: moments.map((one, i) => [`λ^${i + 1}`, significant(one.mean), significant(one.standardError)]),
    },
    notes: ['Each node of a start is drawn as a Gaussian; an eigenvalue far from the others counts by its weight.'],
  }
}

function traceParts({ mean, standardError, perLayer, probes }: HutchinsonTrace): Parts {
  const rows = perLayer.map((one) => [one.name, significant(one.mean), significant(one.standardError)])
  return {
    title: 'Trace of the Hessian',
    summary: [`The trace is ${significant(mean)} ± ${significant(standardError)}, from ${probes} probes.`],
    table: table(['variable', 'trace', 'standard error'], rows),
    notes: ['Hutchinson’s estimate: mean and standard error over probes of ±1.'],
  }
}

function topParts({ values, residuals, converged, complete, steps }: TopEigenvalues): Parts {
  const rows = values.map((value, i) => [
    `${i + 1}`,
    ...[significant(value, 6), significant(residuals[i]!), converged[i] ? 'yes' : 'no'],
  ])
  const open = converged.filter((one) => !one).length
  return {
    title: 'Top eigenvalues of the Hessian',
    summary: [
      `${values.length} eigenvalues after ${steps} products${open === 0 ? '.' : `; ${open} of them not converged: ask for more --steps.`}`,
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
    ...[`--batch-size ${args.batchSize}`, `--seed ${args.seed}`],
    ...(args.backend ? [`--backend ${args.backend}`] : []),
  ]
  return `npx saltflat ${command} ${flags.join(' ')}`
}
