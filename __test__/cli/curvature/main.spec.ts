import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Arguments, type CommandName, commandNames, parseArguments } from '../../../src/cli/curvature/args.ts'
import { readExamples } from '../../../src/cli/curvature/inputs.ts'
import { usageOf } from '../../../src/cli/curvature/usage.ts'
import { hessian, loadResult, save, topEigenvalues, trace } from '../../../src/index.ts'
import { encodeNpy } from '../../../src/io/npy.ts'
import { backends, tf } from '../../helpers/backends.ts'
import { saveModel } from '../../helpers/saved-model.ts'
import { start } from '../../helpers/training.ts'

const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
test.after.always(() => rmSync(dir, { recursive: true, force: true }))

const examples = 20
const pixels = Uint8Array.from({ length: examples * 16 }, (_, i) => (i * 37) % 256)
const classes = Array.from({ length: examples }, (_, i) => (i * i) % 3)
const at = (name: string) => join(dir, name)
const common = ['--model', at('model/model.json'), '--data', at('x.npy'), '--scale', '1/255']

test.before(async () => {
  await tf.setBackend('cpu')
  const model = network()
  await saveModel(model, at('model'))
  writeFileSync(at('x.npy'), encodeNpy({ shape: [examples, 4, 4], data: pixels }))
  writeFileSync(at('y.npy'), encodeNpy({ shape: [examples], dtype: 'int64', data: Float64Array.from(classes) }))
  writeFileSync(at('wrong.npy'), encodeNpy({ shape: [examples], data: Int32Array.from(classes, (one) => one + 2) }))
  writeFileSync(at('other.npy'), encodeNpy({ shape: [examples], data: Int32Array.from(classes, (one) => 2 - one) }))
  writeFileSync(at('rows.npy'), encodeNpy({ shape: [examples, 2], data: new Float32Array(2 * examples) }))
  writeFileSync(at('turned.npy'), encodeNpy({ shape: [examples, 2, 8], data: pixels }))
  writeFileSync(at('flat.npy'), encodeNpy({ shape: [examples, 16], data: pixels }))
  const hot = Float64Array.from({ length: 3 * examples }, (_, i) => Number(i % 3 === classes[Math.floor(i / 3)]))
  writeFileSync(at('hot.npy'), encodeNpy({ shape: [examples, 3], data: hot }))
  writeFileSync(at('half.npy'), readFileSync(at('x.npy')).subarray(0, 200))
  model.dispose()
})

function network(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{ filters: 2, kernelSize: 3, activation: 'tanh', inputShape: [4, 4, 1], name: 'first' },
        kernelInitializer: start(1),
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, activation: 'softmax', name: 'last', kernelInitializer: start(2) }),
    ],
  })
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a command to its end, as it is shipped; `watch` sees what it says on the way. */
function run(args: string[], watch: (said: string, kill: () => void) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, ['dist/cli/curvature/main.js', ...args])
  const found: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (text) => {
    found.stdout += text
  })
  child.stderr.on('data', (text) => {
    found.stderr += text
    watch(found.stderr, () => child.kill('SIGINT'))
  })
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...found, code }))
  })
}

const given = { labels: ['--labels', at('y.npy')], loss: ['--loss', 'categoricalCrossentropy'] }

test('a reader that has seen enough does not end the run', async (t) => {
  const out = at('closed.json')
  const flags = [...given.labels, ...given.loss, '--backend', 'cpu', '--out', out]
  const child = spawn(process.execPath, ['dist/cli/curvature/main.js', 'trace', ...common, ...flags])
  child.stdout.destroy()
  child.stderr.destroy()
  t.is(await new Promise((resolve) => child.on('exit', resolve)), 0)
  t.is((await loadResult(out)).method, 'hutchinson')
})

for (const backend of backends) {
  test.serial(`${backend}: trace and top give what the functions give on the same weights and data`, async (t) => {
    await tf.setBackend(backend)
    const model = network()
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    const x = tf.tensor4d(
      Float32Array.from(pixels, (one) => one / 255),
      [examples, 4, 4, 1],
    )
    const y = tf.oneHot(tf.tensor1d(classes, 'int32'), 3).toFloat()
    const args = [
      ...common,
      ...given.labels,
      ...given.loss,
      '--backend',
      backend.replace('tensorflow', 'tfjs-node'),
      '--json',
    ]
    const traced = JSON.parse((await run(['trace', ...args, '--probes', '4', '--layers', '^first'])).stdout)
    const direct = await trace(hessian(model, x, y, { filter: /^first/ }), { probes: 4 })
    t.true(
      Math.abs(traced.result.mean - direct.mean) <= 1e-5 * Math.abs(direct.mean),
      `${traced.result.mean} ${direct.mean}`,
    )
    t.deepEqual(
      traced.result.perLayer.map(({ name }: { name: string }) => name),
      ['first/kernel', 'first/bias'],
    )
    // Each start of a program is a second; what differs between backends is loading.
    if (backend === 'cpu') {
      const top = JSON.parse((await run(['top', ...args, '--count', '2', '--seed', '3'])).stdout)
      const { values } = await topEigenvalues(hessian(model, x, y), { count: 2, seed: 3 })
      t.deepEqual(
        top.result.values.map((one: number) => one.toPrecision(5)),
        values.map((one) => one.toPrecision(5)),
      )
      t.like(top.run, { command: 'top', complete: true, examples, size: 47, seed: 3, method: 'exact' })
      const [loss] = [model.evaluate(x, y) as tf.Scalar]
      t.true(Math.abs(top.run.lossAtWeights - loss.dataSync()[0]!) <= 1e-6)
    }
    model.dispose()
    tf.dispose([x, y])
  })
}

test.serial('the spectrum is a page, and classes by number serve the sparse loss too', async (t) => {
  const out = at('made/spectrum.html')
  const flags = [
    '--loss',
    'sparseCategoricalCrossentropy',
    '--probes',
    '2',
    '--steps',
    '10',
    '--backend',
    'cpu',
    '--out',
    out,
  ]
  const { code, stdout } = await run(['spectrum', ...common, ...given.labels, ...flags])
  t.is(code, 0)
  t.regex(stdout, /where the loss is \d[\s\S]*Eigenvalues lie between/)
  t.regex(readFileSync(out, 'utf8'), /<svg[\s\S]*npx saltflat spectrum --model/)
})

test.serial('Ctrl-C gives what there is by then, and exit code 130', async (t) => {
  const flags = ['--probes', '5000', '--backend', 'cpu', '--json']
  const { code, stdout, stderr } = await run(
    ['trace', ...common, ...given.labels, ...given.loss, ...flags],
    (said, kill) => {
      if (/^500 of/m.test(said) && !/Ending/.test(said)) kill()
    },
  )
  t.is(code, 130, stderr)
  const { run: about, result } = JSON.parse(stdout)
  t.false(about.complete)
  t.true(result.probes >= 500 && result.probes < 5000 && result.standardError > 0)
})

test.serial('--out .json is the file of save, --json the same and more: both load', async (t) => {
  const out = at('made/trace.json')
  const flags = [...given.labels, ...given.loss, '--probes', '3', '--backend', 'cpu', '--json', '--out', out]
  const { code, stdout } = await run(['trace', ...common, ...flags])
  t.is(code, 0)
  const printed = at('made/printed.json')
  writeFileSync(printed, stdout)
  const loaded = await loadResult(out)
  t.deepEqual(await loadResult(printed), loaded)
  await save(loaded, at('made/again.json'))
  t.is(readFileSync(at('made/again.json'), 'utf8'), readFileSync(out, 'utf8'))
})

test.serial('products by differences give the same trace where nothing has kinks', async (t) => {
  const flags = [...given.labels, ...given.loss, '--probes', '3', '--backend', 'cpu', '--json']
  const [exact, difference] = await Promise.all(
    ['exact', 'difference'].map(async (method) => {
      const { stdout } = await run(['trace', ...common, ...flags, '--method', method])
      return JSON.parse(stdout)
    }),
  )
  t.is(difference.run.method, 'difference')
  t.true(Math.abs(difference.result.mean - exact.result.mean) <= 1e-2 * Math.abs(exact.result.mean))
  t.true(difference.result.passes < exact.result.passes)
})

test.serial('a run that was ended goes on from its checkpoint, for the same model and data only', async (t) => {
  const file = at('run.safetensors')
  const flags = (labels: string) => [
    ...['spectrum', ...common, '--labels', labels, ...given.loss, '--probes', '20', '--steps', '40'],
    ...['--backend', 'cpu', '--json', '--checkpoint', file, '--out', at('made/kept.json')],
  ]
  const first = await run(flags(at('y.npy')), (said, kill) => {
    if (/^80 of/m.test(said) && !/Ending/.test(said)) kill()
  })
  t.is(first.code, 130, first.stderr)
  t.true(existsSync(file))
  const other = await run(flags(at('other.npy')))
  t.is(other.code, 1)
  t.regex(other.stderr, /ERR_STATE: Expected a run of this model, data and flags .* Name another file/)
  let begins = ''
  const second = await run(flags(at('y.npy')), (said) => {
    begins ||= said
  })
  t.is(second.code, 0, second.stderr)
  t.notRegex(second.stderr, /^80 of/m, begins)
  t.is(JSON.parse(second.stdout).result.runs.length, 20)
  t.false(existsSync(file))
})

test('wrong usage is a typed error that says what was meant', (t) => {
  const all = [...common, ...given.labels, ...given.loss]
  const wrong: [CommandName, string[], RegExp][] = [
    ['trace', [], /Expected --model, received none/],
    ['trace', [...common, ...given.loss], /Expected --labels/],
    ['top', [...common, ...given.labels, '--loss', 'meanSquareError'], /Did you mean 'meanSquaredError'\?/],
    ['top', [...all, '--probes', '1'], /received unknown flag '--probes'/],
    ['top', [...all, '--which', 'larges'], /Did you mean 'largest'\?/],
    ['top', [...all, '--count', '0'], /Expected --count with a whole number ≥ 1/],
    ['spectrum', [...all, '--layers', '('], /regular expression for --layers/],
    ['trace', [...all, '--scale', '1/0'], /a fraction, such as 1\/255/],
    ['trace', [...all, '--backend', 'wasn'], /Did you mean 'wasm'\?/],
    ['trace', [...all, '--method', 'differences'], /Did you mean 'difference'\?/],
    ['top', [...all, '--step', '0.1'], /--step with --method difference only/],
    ['top', [...all, '--method', 'difference', '--step', '0'], /--step with a number > 0, received the string "0"/],
    ['trace', [...common, '--labels', at('y.csv'), ...given.loss], /Expected a \.npy file for --labels/],
  ]
  for (const [command, args, message] of wrong) {
    t.throws(() => parseArguments(command, args), { code: 'ERR_INVALID_ARGUMENT', message }, args.join(' '))
  }
  for (const command of commandNames) t.is(parseArguments(command, [...all, '--checkpoint', 'run']).checkpoint, 'run')
  const page = readFileSync('docs/command-line.md', 'utf8')
  for (const command of commandNames) {
    t.true(parseArguments(command, ['--help']).help)
    const usage = usageOf(command)
    for (const line of usage.split('\n')) t.true(line.length <= 130, line)
    for (const [flag] of usage.matchAll(/--[a-z-]+/g)) t.true(flag === '--help' || page.includes(flag), flag)
  }
})

test.serial('exit codes: 2 for wrong usage, 1 for what fails; each says what to do', async (t) => {
  const flags = [...given.loss, '--backend', 'cpu']
  const all = [...common, ...given.labels, ...flags]
  const wrong: [string[], number, RegExp][] = [
    [[...common, '--labels', at('none.npy'), ...flags], 2, /Expected a file at .*none\.npy, received nothing there/],
    [['--model', at('model'), ...all.slice(2)], 2, /received a folder\. Name a file in it, such as its model\.json/],
    [[...all, '--out', at('x.npy/trace.json')], 2, /a path that can be written to, received .*trace\.json: /],
    [[...all, '--layers', 'lstm'], 2, /received \/lstm\/ that matches none of 'first\/kernel', /],
    [[...common, '--labels', at('half.npy'), ...flags], 1, /^ERR_STATE: .*half\.npy: Expected/m],
  ]
  for (const [args, code, message] of wrong) {
    const found = await run(['trace', ...args])
    t.is(found.code, code, found.stderr)
    t.regex(found.stderr, message)
    t.is(found.stdout, '')
  }
})

test.serial('files that do not fit the model are refused by name, with what to do', async (t) => {
  await tf.setBackend('cpu')
  const model = network()
  const read = (data: string[], labels: string, loss = 'categoricalCrossentropy') => {
    const args = { data: data.map(at), labels: [at(labels)], loss, examples: null, scale: 1 }
    return readExamples(model, args as unknown as Arguments)
  }
  const wrong: [() => Promise<unknown>, string, RegExp][] = [
    [
      () => read(['x.npy'], 'wrong.npy'),
      'ERR_INVALID_ARGUMENT',
      /whole numbers of 0 to 2 in .*wrong\.npy.* received 3/,
    ],
    [() => read(['x.npy', 'x.npy'], 'y.npy'), 'ERR_INVALID_ARGUMENT', /Expected one --data, received 2/],
    [() => read(['x.npy'], 'rows.npy'), 'ERR_SHAPE', /shape \[examples, 3\] in .*rows\.npy, received \[20, 2\]/],
    [() => read(['x.npy'], 'y.npy', 'meanSquaredError'), 'ERR_SHAPE', /one-hot rows, numpy\.eye\(classes\)\[y\]/],
    [
      () => read(['x.npy'], 'hot.npy', 'sparseCategoricalCrossentropy'),
      'ERR_SHAPE',
      /takes numbers of classes: y\.argmax/,
    ],
    [() => read(['turned.npy'], 'y.npy'), 'ERR_SHAPE', /\[examples, 4, 4, 1\] in .*turned\.npy, received \[20, 2, 8\]/],
  ]
  for (const [reads, code, message] of wrong) await t.throwsAsync(reads, { code, message })
  const flat = await read(['flat.npy'], 'hot.npy')
  t.deepEqual(
    [flat.x[0]!.shape, flat.y[0]!.shape],
    [
      [examples, 4, 4, 1],
      [examples, 3],
    ],
  )
  t.regex(flat.notes.join(), /flat\.npy holds bytes up to \d+, .* say --scale 1\/255/)
  tf.dispose([flat.x, flat.y])
  model.dispose()
})
