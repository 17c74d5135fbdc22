import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { diagonal, fromMatvec, runFile, spectralDensity, topEigenvalues, trace, traceOf } from '../../src/index.ts'

const code = (error: unknown) => (error as { code?: string } | undefined)?.code
const folder = mkdtempSync(join(tmpdir(), 'saltflat-run-'))
test.after.always(() => rmSync(folder, { recursive: true }))

/** Fails after so many products, as a process that is killed does. */
function dying(products: number) {
  let left = products
  return fromMatvec(3000, (v) => {
    if (left-- === 0) throw new Error('killed')
    return v.map((x, i) => x * (i < 8 ? 3 - i / 8 : Math.sin(i)))
  })
}

test('a run that died goes on from its file to the bit', async (t) => {
  for (const [name, run] of [
    ['top', (H, checkpoint) => topEigenvalues(H, { count: 4, vectors: true, ...checkpoint })],
    ['density', (H, checkpoint) => spectralDensity(H, { probes: 2, steps: 15, ...checkpoint })],
    ['trace', (H, checkpoint) => trace(H, { distribution: 'gaussian', ...checkpoint })],
    ['function', (H, checkpoint) => traceOf(H, Math.exp, { probes: 2, steps: 15, ...checkpoint })],
    ['diagonal', (H, checkpoint) => diagonal(H, checkpoint)],
    ['hutch', (H, checkpoint) => trace(H, { method: 'hutch++', distribution: 'gaussian', ...checkpoint })],
  ] as [string, (H: ReturnType<typeof dying>, checkpoint: object) => Promise<{ wallMs: number; bytes: number }>][]) {
    const checkpoint = runFile(join(folder, `${name}.safetensors`), { every: 4 })
    const { wallMs, bytes, ...whole } = await run(dying(Infinity), {})
    await t.throwsAsync(run(dying(13), { checkpoint }), { message: 'killed' })
    await t.throwsAsync(run(dying(9), { checkpoint }), { message: 'killed' })
    const { wallMs: ms, bytes: held, ...rest } = await run(dying(Infinity), { checkpoint })
    t.deepEqual(rest, whole)
    t.true(wallMs > 0 && ms > 0 && bytes >= 0 && held >= 0)
    // Nothing else lies beside it.
    t.deepEqual(
      readdirSync(folder).filter((file) => file.startsWith(name)),
      [`${name}.safetensors`],
    )
  }
})

test('a file that is damaged, or something else, is refused', async (t) => {
  const path = join(folder, 'spoilt.safetensors')
  const run = () => topEigenvalues(dying(Infinity), { checkpoint: runFile(path, { every: 2 }) })
  await run()
  const bytes = readFileSync(path)
  for (const at of [0, 20, 50, 300, bytes.length - 1]) {
    writeFileSync(
      path,
      bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
    )
    t.is(code(await t.throwsAsync(run())), 'ERR_STATE', String(at))
  }
  for (const part of [bytes.subarray(0, 100), bytes.subarray(0, -1), Buffer.alloc(0)]) {
    writeFileSync(path, part)
    t.is(code(await t.throwsAsync(run())), 'ERR_STATE')
  }
  writeFileSync(path, bytes)
  await t.notThrowsAsync(run())
  const nowhere = topEigenvalues(dying(Infinity), { checkpoint: runFile(join(folder, 'no', 'such'), { every: 1 }) })
  await t.throwsAsync(nowhere, { code: 'ENOENT' })
})
