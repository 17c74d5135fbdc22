// What ptxas makes of a kernel on one generation, read off nvdisasm: how long the code is, how wide its accesses are, and
// how many instructions a drawn normal takes, of which a pass over memory can hide so many and no more.

/** Counts for each kernel of a disassembled module. */
export function counts(text) {
  const sections = text.split(/^\.text\.(?=\w+:$)/m).slice(1)
  return sections.map((section) => {
    const lines = section.split('\n')
    const code = lines.map(instruction).filter((one) => one !== undefined && !one.startsWith('NOP'))
    const many = (pattern) => code.filter((one) => pattern.test(one)).length
    return {
      kernel: lines[0].replace(':', ''),
      instructions: code.length,
      wide: many(/(LDG|STG)\.E\.128/),
      narrow: many(/STG\.E(?!\.128|\.64)/),
      local: many(/\b(LDL|STL)\b/),
      normal: normal(lines),
    }
  })
}

function instruction(line) {
  return line.match(/\/\*[0-9a-f]{4,5}\*\/\s+(?:@!?U?P\d+\s+)?(\S.*?)\s*;/)?.[1]
}

/** Instructions a normal: the shortest loop with two square roots and the rounds of Philox, which makes four of them. */
function normal(lines) {
  const places = new Map()
  const code = []
  let shortest
  for (const line of lines) {
    const label = line.match(/^(\.L_x_\d+):/)?.[1]
    if (label) places.set(label, code.length)
    const one = instruction(line)
    if (one === undefined) continue
    code.push(one)
    const begin = places.get(one.match(/^BRA.*\((\.L_x_\d+)\)/)?.[1])
    if (begin === undefined) continue
    const loop = code.slice(begin)
    const roots = loop.filter((each) => each.startsWith('MUFU.RSQ')).length
    const products = loop.filter((each) => /^IMAD\.(WIDE|HI)\.U32/.test(each)).length
    if (roots >= 2 && products >= 10 && loop.length < (shortest ?? Number.POSITIVE_INFINITY)) shortest = loop.length
  }
  return shortest === undefined ? undefined : Math.round(shortest / 4)
}
