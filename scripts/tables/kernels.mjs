// The kernels that saltflat supplies, and why: from the table in the code, as built.
import { replacements } from '../../dist/grads/kernels/table.js'
import { markdown } from './markdown.mjs'

/** One row a kernel; what is amiss with the stock one on each backend, nothing where it serves. */
export function kernels() {
  const names = [...new Set(replacements.map(({ kernelName }) => kernelName))].sort()
  const fault = (name, backend) => {
    const row = replacements.find(({ kernelName, backendName }) => kernelName === name && backendName === backend)
    return row ? row.fault : ''
  }
  const rows = names.map((name) => [`\`${name}\``, fault(name, 'wasm'), fault(name, 'cpu'), fault(name, 'tensorflow')])
  return markdown(['kernel', 'stock wasm', 'stock cpu', 'stock tensorflow'], rows)
}
