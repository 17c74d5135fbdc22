import { mkdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { SaltflatError } from '../errors.ts'
import { saveView } from '../report/save.ts'
import { toText, wrap } from '../report/text.ts'
import { type Result, viewOf } from '../report/views.ts'

/** Where a result goes: a folder of pictures, and a file for the figures. */
export interface Outputs {
  readonly out: string
  readonly json?: string
}

/** Runs a command to its exit code: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C. */
export async function runProgram(main: (argv: readonly string[]) => Promise<number>): Promise<void> {
  // Who reads along may have seen enough (`| head`); the files are written all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', unlessClosed)
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    const known = error instanceof SaltflatError
    console.error(known ? `${error.code}: ${error.message}` : error)
    process.exitCode = known && error.code === 'ERR_INVALID_ARGUMENT' ? 2 : 1
  }
}

function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** Before minutes of training, not after: a folder that cannot be made ends the run here. */
export async function makeFolders({ out, json }: Outputs): Promise<void> {
  await mkdir(out, { recursive: true })
  if (json !== undefined) await mkdir(dirname(resolve(json)), { recursive: true })
}

/** Prints the table of a result and what it means, and writes it to `pictures` and the file for figures. */
export async function show(
  result: Result & { readonly complete: boolean },
  pictures: readonly string[],
  { json }: Outputs,
): Promise<void> {
  const view = viewOf(result)
  const { table, summary } = view
  const any = table.rows.length > 0
  if (any) console.log(`\n${toText(table)}\n`)
  for (const sentence of summary) console.log(wrap(sentence, Math.min(process.stdout.columns || 100, 100)).join('\n'))
  console.log()
  for (const file of [...(any ? pictures : []), ...(json === undefined ? [] : [json])]) {
    try {
      await saveView(view, file, file === json ? 'json' : undefined)
      console.log(`${result.complete ? '' : 'partial: '}${relative(process.cwd(), resolve(file))}`)
    } catch (error) {
      // A picture needs optional packages; their absence must not cost the figures.
      if (!(error instanceof SaltflatError && error.code === 'ERR_UNSUPPORTED')) throw error
      console.log(`Not written: ${file}. ${error.message}`)
    }
  }
}

/** What the times of a result belong to. */
export async function machine(): Promise<{ processor: string; cores: number; node: string; tfjs: string }> {
  const { version_core: tfjs } = await import('@tensorflow/tfjs-core')
  const processors = cpus()
  const { node } = process.versions
  return { processor: processors[0]?.model ?? 'unknown', cores: processors.length, node, tfjs }
}

/** The version of this package. */
export async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
