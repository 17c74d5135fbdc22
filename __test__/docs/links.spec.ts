import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import test from 'ava'
import { anchors, pages, prose, root, textOf } from '../helpers/markdown.ts'

/** Links and pictures of a page, without those that lead elsewhere. */
function links(page: string): string[] {
  const text = prose(textOf(page)).replace(/`[^`\n]*`/g, '')
  const inline = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
  const tags = [...text.matchAll(/\b(?:src|href)="([^"]+)"/g)].map(([, target]) => target!)
  return [...inline, ...tags].filter((target) => !/^[a-z]+:/.test(target))
}

test('every relative link of every page leads to a file, and its anchor to a heading', (t) => {
  const broken = pages.flatMap((page) =>
    links(page)
      .filter((target) => {
        const [path = '', anchor] = target.split('#')
        const file = path === '' ? page : posix.join(posix.dirname(page), path)
        if (!existsSync(join(root, file))) return true
        return anchor !== undefined && !(file.endsWith('.md') && anchors(textOf(file)).has(anchor))
      })
      .map((target) => `${page}: ${target}`),
  )
  t.deepEqual(broken, [])
})

test('every page of docs/ is found from its index, and the index from the README', (t) => {
  const index = links('docs/README.md').map((target) => posix.join('docs', target))
  const missing = pages.filter(
    (page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md' && !index.includes(page),
  )
  t.deepEqual(missing, [])
  t.true(links('README.md').includes('docs/README.md'))
})

test('anchors are made as GitHub makes them', (t) => {
  const text =
    '# `minimize()` without tfjs\n## A b\n## A b\n```sh\n# no heading\n```\n### ERR_STATE: *why*, [where](x.md)?'
  t.deepEqual([...anchors(text)], ['minimize-without-tfjs', 'a-b', 'a-b-1', 'err_state-why-where'])
})
