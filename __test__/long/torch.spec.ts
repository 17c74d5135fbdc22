import { spawnSync } from 'node:child_process'
import test from 'ava'

const python = process.env.SALTFLAT_PYTHON || 'python3'
const run = (...args: string[]) => spawnSync(python, ['-B', ...args], { encoding: 'utf8' })

test('the contestants in torch are right: both forms of NSO descend a quadratic', (t) => {
  if (run('-c', 'import torch').status !== 0) {
    console.warn(`SKIPPED: ${python} has no torch (pip install torch numpy; SALTFLAT_PYTHON names a Python)`)
    return t.pass()
  }
  const { status, stderr } = run('bench/torch/check.py')
  t.is(status, 0, stderr)
})
