// Tables as Markdown, and the committed results that they are made of.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'

const folder = join(root, 'bench', 'results')

/** Contents of the results whose file name matches, in the order of their names; of a folder within where one is named. */
export function results(pattern, within = '.') {
  return readdirSync(join(folder, within))
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, within, file), 'utf8')))
}

/** A table; the columns named in `right` are figures. */
export function markdown(head, rows, right = []) {
  const rule = head.map((name) => (right.includes(name) ? '---:' : '---'))
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Three digits, with thousands marked. */
export function figure(value) {
  const places = value === 0 ? 0 : Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places })
}

/** What a result was measured on, in one line. */
export function measuredOn({ machine, versions, commit, library, changed, date }) {
  const { processor, cores, simd } = machine
  const known = Object.entries(versions).filter(([name, version]) => name !== 'saltflat' && version !== 'absent')
  const names = { node: 'Node', tfjs: 'tfjs', tensorflow: 'TensorFlow', torch: 'torch' }
  const list = known.map(([name, version]) => `${names[name] ?? name} ${version}`)
  const at = `${commit}${changed ? ' and uncommitted changes' : ''} (library of ${library})`
  return `${processor}, ${cores} cores, ${simd}; ${list.join(', ')}; commit ${at}, ${date}`
}
