import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** How the command ends where PyPI, which has nvcc, is out of reach. */
const unfetched = /^(python3 -m pip install .* ended with .*|Expected the command python3, found none\..*)$/m

test('the committed PTX is what nvcc makes of the kernels, and no generation spills', (t) => {
  t.timeout(15 * 60_000)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('SKIPPED: nvcc is had here for Linux on x86-64 only')
    return t.pass()
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/ptx.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  const said = `${stdout}${stderr}`
  if (status !== 0 && unfetched.test(said) && !process.env.CI) {
    console.log(`SKIPPED: nvcc could not be fetched. ${said}`)
    return t.pass()
  }
  t.is(status, 0, said)
  t.regex(stdout, /as committed, without spills on sm_75, .*sm_120/)
})

test('the table of registers has every kernel on every generation', (t) => {
  const table: Record<string, Record<string, number>> = JSON.parse(
    readFileSync(`${root}/crate/core/src/backend/cuda/kernels/ptx/registers.json`, 'utf8'),
  )
  t.is(Object.keys(table).length, 29)
  for (const [kernel, registers] of Object.entries(table)) {
    t.deepEqual(Object.keys(registers), ['sm_75', 'sm_80', 'sm_86', 'sm_89', 'sm_90', 'sm_100', 'sm_120'], kernel)
    // 256 threads of 128 registers: two blocks on every generation.
    for (const count of Object.values(registers)) t.true(count > 0 && count <= 128, kernel)
  }
})

test('on Hopper a normal takes few instructions, vectors move 16 bytes at a time, and nothing lies in local memory', (t) => {
  const table: Record<string, Record<string, number>> = JSON.parse(
    readFileSync(`${root}/crate/core/src/backend/cuda/kernels/ptx/instructions.json`, 'utf8'),
  )
  t.is(Object.keys(table).length, 29)
  for (const [kernel, { wide, narrow, local, normal }] of Object.entries(table)) {
    t.is(local, 0, kernel)
    // Sums are 8 bytes, and nothing else is written but vectors. `rotate`, once a restart, takes a strip of all rows to
    // shared memory float by float, neighbours by neighbours; `round_row` writes a scale for 64 elements.
    if (!['rotate', 'round_row'].includes(kernel)) t.is(narrow, 0, kernel)
    if (!['fold', 'rotate'].includes(kernel)) t.true((wide ?? 0) > 0, kernel)
    // An H200 starts 62 in the time that it takes to read and write an element.
    if (normal !== undefined) t.true(normal <= 40, kernel)
  }
  // Each perturbation is drawn once.
  const drawing = Object.keys(table).filter((kernel) => table[kernel]?.normal !== undefined)
  t.deepEqual(drawing.sort(), ['accumulate', 'collect', 'draw', 'perturb'])
})
