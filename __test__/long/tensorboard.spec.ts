import { spawnSync } from 'node:child_process'
import test from 'ava'
import { pythonTools } from '../../scripts/tools.mjs'
import '../callbacks/tensorboard.spec.ts'

// The tests of the callback `tensorboard`, with TensorBoard's own reader at hand.

test.before(() => {
  if (process.env.SALTFLAT_PYTHON === undefined) process.env.PYTHONPATH = pythonTools('tensorboard')
})

test('the reader is there', (t) => {
  const { status, stderr } = spawnSync(process.env.SALTFLAT_PYTHON || 'python3', ['-c', 'import tensorboard'])
  t.is(status, 0, String(stderr))
})
