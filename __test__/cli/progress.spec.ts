import test from 'ava'
import { progressView } from '../../src/cli/progress.ts'
import { score, wrongLabelsFitted } from '../../src/cli/score.ts'
import { settingsFor } from '../../src/cli/settings.ts'

const settings = settingsFor('default', 'wasm', 0)
const point = { gradients: 120, accuracy: 61.25, trainLoss: 0.5, testLoss: 1.25 }

test('without a terminal: one line an evaluation, no control characters', (t) => {
  const written: string[] = []
  const view = progressView({ write: (text) => written.push(text) }, settings)
  view.update('nso', { kind: 'step', gradients: 2 })
  view.update('nso', { kind: 'evaluation', point })
  view.clear()
  t.deepEqual(written, ['NSO    120/1,200 gradients  test 61.3\u00a0%  train loss 0.500  test loss 1.250\n'])
})

test('on a terminal: share, time left, accuracies, never wider than the screen', (t) => {
  let clock = 0
  let last = ''
  const screen = { isTTY: true, columns: 80, write: (text: string) => (last = text) }
  const view = progressView(screen, settings, () => clock)
  view.update('adam', { kind: 'evaluation', point })
  for (const gradients of [300, 600]) {
    clock += 30_000
    for (const method of ['adam', 'sam', 'nso'] as const) view.update(method, { kind: 'step', gradients })
  }
  // 600 of 1,200 gradients, and 11 evaluations of 22 gradients and 20 pairs of 9 still to come: 36 % in a minute.
  t.regex(last, /█{4}░{8} 3[67]\u00a0% {2}1:4\d left {2}accuracy: Adam 61\.3\u00a0%$/)
  for (const method of ['sam', 'nso'] as const) view.update(method, { kind: 'evaluation', point })
  t.true(last.endsWith('Adam 61.3\u00a0% · SAM 61.3\u00a0% · NSO 61.3\u00a0%'))
  t.true(last.replace('\r\x1b[2K', '').length < 80)
  view.clear()
  t.is(last, '\r\x1b[2K')
})

test('score: accuracy in percent, loss of the probability of the label, clipped', (t) => {
  const rows = new Float32Array(20)
  rows[3] = 1 // sure of class 3
  rows.set([0.5, 0.25, 0.25], 10)
  t.deepEqual(score(rows, Uint8Array.of(3, 0)).accuracy, 100)
  t.true(Math.abs(score(rows, Uint8Array.of(3, 0)).loss - Math.log(2) / 2) < 1e-6)
  t.true(Math.abs(score(rows, Uint8Array.of(4, 1)).loss - (Math.log(4) - Math.log(1e-7)) / 2) < 1e-6)
  t.is(wrongLabelsFitted(rows, Uint8Array.of(3, 0), Uint8Array.of(4, 0)), 100)
  t.is(wrongLabelsFitted(rows, Uint8Array.of(3, 1), Uint8Array.of(4, 0)), 50)
  t.is(wrongLabelsFitted(rows, Uint8Array.of(3, 0), Uint8Array.of(3, 0)), null)
})
