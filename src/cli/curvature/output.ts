import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SaltflatError, said } from '../../errors.ts'
import { drawPng } from '../../report/png.ts'
import { formatOf } from '../../report/save.ts'
import { drawSvg } from '../../report/svg.ts'

const nothing = { data: { values: [] }, mark: 'point' }

/**
 * Whether a file of this name can be made, before what may take hours: its extension, the packages that draw it, its folder,
 * which is made. Throws as `save` does.
 */
export async function checkOutput(path: string): Promise<void> {
  const format = formatOf(path)
  if (format === 'svg' || format === 'png') {
    const svg = await drawSvg(nothing)
    if (format === 'png') await drawPng(svg)
  }
  await makeFolder(path)
}

/** Makes the folder of a file. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true }).catch((cause) => {
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected a path that can be written to, received ${path}: ${said(cause)}.`,
      { cause },
    )
  })
}
