/** 1, 2 and 5 times powers of ten within some values. */
export function ticks(xs: readonly number[]): number[] {
  const [low, high] = [Math.min(...xs), Math.max(...xs)]
  const found: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    found.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
  }
  return found.filter((at) => at >= low / 1.15 && at <= high * 1.15)
}
