import { SaltflatError, shown } from '../errors.ts'
import { type BackendName, backendNames } from './backend.ts'
import { readFlags, wholeFlag } from './flags.ts'
import type { Size } from './settings.ts'

/** What the user asked for on the command line of the main job. */
export interface Arguments {
  readonly help: boolean
  readonly size: Size
  readonly seed: number
  /** Folder of the report. */
  readonly out: string
  /** File for the figures as JSON. */
  readonly json?: string
  /** Folder with IDX files instead of the digits. */
  readonly data?: string
  readonly backend?: BackendName
}

/** The help text of the main job. */
export const usage: string = `Trains a small convolutional net on digits whose labels are partly wrong, with plain Adam, SAM and NSO at equal
gradient cost, and reports what became of each.

npm start [-- OPTIONS]
  --json FILE      also write the figures to FILE
  --smoke          seconds instead of minutes: shows that everything works, not what the methods do
  --full           1,000 images and 3,600 gradients a method: many minutes
  --data DIR       train on the IDX files of DIR (train-images-idx3-ubyte[.gz] …) instead of the digits
  --backend NAME   ${backendNames.join(' or ')}; without it, tfjs-node where it is built
  --seed N         images, wrong labels, initial weights, batches and noise; default 0
  --out DIR        folder of the report; default saltflat-report
  --help           this text`

/** Reads the command line. Throws ERR_INVALID_ARGUMENT on an unknown option or value. */
export function parseArguments(argv: readonly string[]): Arguments {
  const values = readFlags(argv, {
    help: { type: 'boolean', short: 'h', default: false },
    smoke: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
    data: { type: 'string' },
    backend: { type: 'string' },
    seed: { type: 'string', default: '0' },
    out: { type: 'string', default: 'saltflat-report' },
  })
  if (values.smoke && values.full) {
    throw new SaltflatError('ERR_INVALID_ARGUMENT', 'Expected at most one of --smoke and --full, received both.')
  }
  const backend = backendFlag(values.backend)
  return {
    help: values.help,
    size: values.smoke ? 'smoke' : values.full ? 'full' : 'default',
    seed: wholeFlag('seed', values.seed, 0),
    out: values.out,
    ...(values.json !== undefined && { json: values.json }),
    ...(values.data !== undefined && { data: values.data }),
    ...(backend && { backend }),
  }
}

/** The command that repeats a run with these arguments. */
export function commandOf({ size, seed, data, backend }: Arguments): string {
  const options = [
    size === 'default' ? '' : `--${size}`,
    data === undefined ? '' : `--data ${/^[\w./-]+$/.test(data) ? data : `'${data}'`}`,
    backend === undefined ? '' : `--backend ${backend}`,
    `--seed ${seed}`,
  ]
  return `npm start -- ${options.filter(Boolean).join(' ')}`
}

/** The backend that `--backend` names. */
export function backendFlag(text: string | undefined): BackendName | undefined {
  const backend = backendNames.find((name) => name === text)
  if (text === undefined || backend) return backend
  const names = backendNames.join(' or ')
  throw new SaltflatError('ERR_INVALID_ARGUMENT', `Expected --backend ${names}, received ${shown(text)}.`)
}
