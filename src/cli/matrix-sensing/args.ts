import { backendFlag } from '../args.ts'
import { type BackendName, backendNames } from '../backend.ts'
import { readFlags, wholeFlag } from '../flags.ts'

/** What the user asked for on the command line of matrix sensing. */
export interface Arguments {
  readonly help: boolean
  readonly smoke: boolean
  readonly seed: number
  readonly steps?: number
  /** Folder of the pictures. */
  readonly out: string
  /** File for the figures as JSON. */
  readonly json?: string
  readonly backend?: BackendName
}

/** The help text of matrix sensing. */
export const usage: string = `Finds a 100×100 matrix of rank 5 from 2,500 linear measurements with plain gradient descent, one-sided noise
and NSO, and reports how far from it each ends: two to five minutes on tfjs-node.

npm run matrix-sensing [-- OPTIONS]
  --seed N         the matrix, its measurements, the start and the noise; default 0
  --json FILE      also write the figures to FILE
  --steps N        steps of each method; default 5000
  --smoke          a small matrix, seconds: shows that everything works, not what the methods do
  --backend NAME   ${backendNames.join(' or ')}; without it, tfjs-node where it is built
  --out DIR        folder of the pictures; default saltflat-report
  --help           this text`

/** Reads the command line. Throws ERR_INVALID_ARGUMENT on an unknown option or value. */
export function parseArguments(argv: readonly string[]): Arguments {
  const values = readFlags(argv, {
    help: { type: 'boolean', short: 'h', default: false },
    smoke: { type: 'boolean', default: false },
    seed: { type: 'string', default: '0' },
    steps: { type: 'string' },
    json: { type: 'string' },
    backend: { type: 'string' },
    out: { type: 'string', default: 'saltflat-report' },
  })
  const backend = backendFlag(values.backend)
  return {
    help: values.help,
    smoke: values.smoke,
    seed: wholeFlag('seed', values.seed, 0),
    out: values.out,
    ...(values.steps !== undefined && { steps: wholeFlag('steps', values.steps, 1) }),
    ...(values.json !== undefined && { json: values.json }),
    ...(backend && { backend }),
  }
}

/** The command that repeats a run with these arguments. */
export function commandOf({ smoke, seed, steps, backend }: Arguments): string {
  const options = [
    smoke ? '--smoke' : '',
    steps === undefined ? '' : `--steps ${steps}`,
    backend === undefined ? '' : `--backend ${backend}`,
    `--seed ${seed}`,
  ]
  return `npm run matrix-sensing -- ${options.filter(Boolean).join(' ')}`
}
