import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Callback } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import { toCsv } from '../report/csv.ts'
import { resolved, written } from './logs.ts'

/**
 * A callback that writes a line of CSV at the end of each epoch: `epoch`, counted from 0, and the logs, those of callbacks
 * before it included. Full precision; an empty cell where something was not measured. RFC 4180, so lines end in CR LF.
 *
 * Each line is written whole and at once. A run that begins at a later epoch goes on in the file: what a kill has left of a
 * line, and lines of epochs that this run does again, are replaced; so a run that begins at epoch 0 begins the file anew.
 * The columns are those of the first epoch. Throws ERR_INVALID_ARGUMENT for a path that is none, and for options, of which it has
 * none; training ends with ERR_STATE
 * where the file has other columns, or the logs have a name that the first epoch had not, and with what the file system throws.
 *
 * @example
 * await model.fit(x, y, { epochs: 2, callbacks: [sharpness({ data: [x, y] }), csvLog('run/log.csv')] })
 */
export function csvLog(file: string, ...none: []): Callback {
  if (typeof file !== 'string' || file === '') throw invalid('a path for file', file)
  const [given] = none as readonly unknown[]
  if (given !== undefined) {
    throw invalid('no options for csvLog', given, 'Its columns are the logs: filter them in a callback before it.')
  }
  return new CsvLog(file)
}

class CsvLog extends Callback {
  readonly #file: string
  #columns: readonly string[] | null = null

  constructor(file: string) {
    super()
    this.#file = file
  }

  override async onTrainBegin(): Promise<void> {
    this.#columns = null
  }

  override async onEpochEnd(epoch: number, given?: object): Promise<void> {
    const logs = await resolved(given)
    this.#columns ??= await this.#begun(epoch, ['epoch', ...Object.keys(logs)])
    const unknown = Object.keys(logs).find((name) => !this.#columns!.includes(name))
    if (unknown !== undefined) {
      throw this.#refused(`only ${this.#columns.slice(1).join(', ')} in the logs`, `${unknown} too`, 'at each epoch')
    }
    const values = new Map<string, number>([['epoch', epoch], ...written(logs, this.params)])
    await appendFile(this.#file, line(this.#columns.map((name) => values.get(name) ?? null)))
  }

  /** Makes the file ready for an epoch; gives its columns. */
  async #begun(epoch: number, wanted: readonly string[]): Promise<readonly string[]> {
    await mkdir(dirname(resolve(this.#file)), { recursive: true })
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return ''
    })
    // Behind the last end of a line stands what a kill has left.
    const [header, ...rows] = text.split('\r\n').slice(0, -1)
    if (header !== undefined && `${header}\r\n` !== line(wanted)) {
      throw this.#refused(line(wanted).trimEnd(), header.slice(0, 200), 'as before, or name another file')
    }
    if (header === undefined && text.length > 0 && !line(wanted).startsWith(text)) {
      throw this.#refused(line(wanted).trimEnd(), 'another text', 'or name another file')
    }
    const kept = rows.filter((row) => Number.parseInt(row, 10) < epoch)
    const whole = [line(wanted), ...kept.map((row) => `${row}\r\n`)].join('')
    if (whole !== text) {
      // Whole or not at all: a kill must not cost the earlier lines.
      const temporary = `${this.#file}.${process.pid}.tmp`
      await writeFile(temporary, whole)
      await rename(temporary, this.#file)
    }
    return wanted
  }

  #refused(expected: string, received: string, advice: string): SaltflatError {
    return new SaltflatError(
      'ERR_STATE',
      `Expected the columns ${expected} for ${this.#file}, received ${received}. Log the same names ${advice}.`,
    )
  }
}

function line(cells: readonly (string | number | null)[]): string {
  return toCsv({ columns: cells.map((cell) => (cell === null ? '' : String(cell))), rows: [] })
}
