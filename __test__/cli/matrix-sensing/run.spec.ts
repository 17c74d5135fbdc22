import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { commandOf, parseArguments } from '../../../src/cli/matrix-sensing/args.ts'
import { draw } from '../../../src/cli/matrix-sensing/problem.ts'
import { progressView } from '../../../src/cli/matrix-sensing/progress.ts'
import { type Control, gradientsOf, run } from '../../../src/cli/matrix-sensing/run.ts'
import { Sensing } from '../../../src/cli/matrix-sensing/sensing.ts'
import { settingsFor } from '../../../src/cli/matrix-sensing/settings.ts'
import type { MatrixSensing } from '../../../src/report/matrix-sensing.ts'
import { onEachBackend } from '../../helpers/backends.ts'

const folder = await mkdtemp(join(tmpdir(), 'saltflat-'))
test.after.always(() => rm(folder, { recursive: true }))

/** As it is shipped: it starts sooner than its sources. */
const program = ['dist/cli/matrix-sensing/main.js']

test('defaults, every option, and the command that repeats them', (t) => {
  const none = parseArguments([])
  t.deepEqual(none, { help: false, smoke: false, seed: 0, out: 'saltflat-report' })
  t.is(commandOf(none), 'npm run matrix-sensing -- --seed 0')
  const argv = ['--smoke', '--seed', '3', '--steps', '40', '--json', 'x', '--out', 'y', '--backend', 'wasm']
  const all = parseArguments(argv)
  t.deepEqual(all, { help: false, smoke: true, seed: 3, steps: 40, json: 'x', out: 'y', backend: 'wasm' })
  t.is(commandOf(all), 'npm run matrix-sensing -- --smoke --steps 40 --backend wasm --seed 3')
})

test('refuses what it does not know', (t) => {
  const wrong = [
    ['--sigma', '1'],
    ['extra'],
    ['--seed', '-1'],
    ['--seed', '1e3'],
    ['--seed', '9007199254740993'],
    ['--steps', '0'],
    ['--steps', '2.5'],
    ['--steps'],
    ['--backend', 'cpu'],
  ]
  for (const argv of wrong) t.throws(() => parseArguments(argv), { code: 'ERR_INVALID_ARGUMENT' }, argv.join(' '))
})

test('wrong usage: one line and exit code 2; --help: the options', (t) => {
  const wrong = spawnSync(process.execPath, [...program, '--steps', 'many'], { encoding: 'utf8' })
  t.is(wrong.status, 2)
  t.regex(wrong.stderr, /^ERR_INVALID_ARGUMENT: Expected --steps with a whole number ≥ 1/)
  const help = spawnSync(process.execPath, [...program, '--help'], { encoding: 'utf8' })
  t.is(help.status, 0)
  for (const flag of ['--seed', '--json', '--steps', '--smoke', '--out']) t.true(help.stdout.includes(flag), flag)
})

/** What scripts of others read, and what stands around it. */
function checkShape(t: ExecutionContext, result: MatrixSensing, steps: number): void {
  for (const method of ['gd', 'oneSided', 'nso'] as const) {
    const one = result[method]!
    for (const name of ['validation', 'distance', 'trainMse', 'size'] as const) {
      t.true(Number.isFinite(one[name]) && one[name] > 0, `${method}.${name}`)
    }
    const { curve } = one
    t.is(curve[0]!.step, 0)
    t.is(curve.at(-1)!.step, one.steps)
    t.is(curve.at(-1)!.validation, one.validation)
    t.true(one.validation < curve[0]!.validation)
    t.deepEqual(curve[0], result.gd!.curve[0])
  }
  t.like(result, { kind: 'matrix-sensing', seed: 4, steps, sigma: 0.08, learningRate: 0.0025 })
  t.true(result.seconds > 0 && result.machine.cores > 0 && result.machine.node === process.versions.node)
}

test('a smoke run ends with a table, pictures and figures', async (t) => {
  const [out, json] = [join(folder, 'smoke'), join(folder, 'made', 'smoke.json')]
  const argv = ['--smoke', '--seed', '4', '--steps', '30', '--out', out, '--json', json]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...argv], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  t.regex(stdout, /validation error.+distance.+training error/)
  t.regex(stderr, /NSO +30\/30 steps {2}validation/)
  t.deepEqual((await readdir(out)).toSorted(), ['matrix-sensing.html', 'matrix-sensing.png', 'matrix-sensing.svg'])
  const result = JSON.parse(await readFile(json, 'utf8')) as MatrixSensing
  checkShape(t, result, 30)
  t.true(result.complete && result.smoke)
  t.is(result.command, 'npm run matrix-sensing -- --smoke --steps 30 --seed 4')
})

test('Ctrl-C: what there is, marked as partial, and exit code 130', async (t) => {
  const json = join(folder, 'partial.json')
  const argv = ['--smoke', '--seed', '4', '--steps', '3000', '--out', join(folder, 'partial'), '--json', json]
  const child = spawn(process.execPath, [...program, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
    // All three have taken a tenth of their steps.
    if (text.includes('NSO')) child.kill('SIGINT')
  })
  await new Promise((resolve) => child.on('close', resolve))
  t.is(child.exitCode, 130, said)
  t.regex(said, /Ending after the current step/)
  const result = JSON.parse(await readFile(json, 'utf8')) as MatrixSensing
  t.false(result.complete)
  t.true(result.nso!.steps >= 300 && result.nso!.steps < 3000)
  checkShape(t, result, 3000)
})

onEachBackend(test, 'a seed fixes every figure, and progress counts every gradient', async (t) => {
  const settings = { ...settingsFor(true, 4, 12), dimension: 8, measurements: 40, points: 5 }
  const once = async () => {
    const problem = draw(settings)
    const sensing = new Sensing(problem)
    const seen: number[] = []
    const control: Control = {
      signal: new AbortController().signal,
      report: ({ gradients }) => seen.push(gradients),
    }
    const methods = await run(sensing, problem.start, settings, control)
    sensing.dispose()
    t.is(seen.at(-1), gradientsOf(settings))
    t.is(gradientsOf(settings), 4 * 12)
    return Object.values(methods).map(({ curve }) => curve)
  }
  const [first, second] = [await once(), await once()]
  t.deepEqual(first, second)
  t.deepEqual(
    first[2]!.map(({ step }) => step),
    [0, 2, 5, 7, 10, 12],
  )
})

test('on a terminal: share, time left and errors, never wider than the screen, redrawn now and then', (t) => {
  let clock = 0
  const written: string[] = []
  const screen = { isTTY: true, columns: 80, write: (text: string) => written.push(text) }
  const view = progressView(screen, settingsFor(false, 0), () => clock)
  const measures = { validation: 0.000459, distance: 0.0216, trainMse: 0.00034, size: 0.993 }
  view.update({ method: 'gd', step: 2500, gradients: 5000, point: { step: 2500, ...measures } })
  view.update({ method: 'gd', step: 2501, gradients: 5001 })
  t.is(written.length, 1)
  clock = 60_000
  view.update({ method: 'nso', step: 2500, gradients: 10_000, point: { step: 2500, ...measures } })
  t.is(written.length, 2)
  t.regex(written[1]!, /█{6}░{6} 50\u00a0% {2}1:00 left {2}error: GD 4\.6e-4 · NSO 4\.6e-4$/)
  const widest = { ...measures, validation: 1.234e-3 }
  for (const method of ['oneSided', 'nso'] as const) {
    clock += 100
    view.update({ method, step: 2500, gradients: 10_000, point: { step: 2500, ...widest } })
  }
  t.true(written.at(-1)!.endsWith('GD 4.6e-4 · NSO 1.2e-3 · one-sided 1.2e-3'))
  t.true(written.at(-1)!.replace('\r\x1b[2K', '').length < 80)
  view.clear()
  t.is(written.at(-1), '\r\x1b[2K')
})
