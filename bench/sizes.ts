/** Layer widths of the models that are measured. */
export const widths = {
  /** 670k parameters. */
  mlp: [784, 512, 512, 10],
  /** 11M parameters. */
  large: [1024, 2432, 2432, 1024],
  /** 3,300 parameters. */
  small: [16, 64, 32, 4],
  /** For `--quick`. */
  tiny: [8, 8, 4],
} as const

/** Sizes of a fully connected net's variables: kernel, bias, kernel, … */
export function shapes(layers: readonly number[]): number[] {
  return layers.slice(1).flatMap((units, i) => [layers[i]! * units, units])
}

/** Sizes of the conv net's variables, in `models.ts`. */
export const conv: readonly number[] = [3 * 3 * 16, 16, 3 * 3 * 16 * 32, 32, ...shapes([7 * 7 * 32, 64, 10])]

/** Parameters in all. */
export function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** 669706 → '670k' */
export function short(count: number): string {
  if (count >= 1e6) return `${Number((count / 1e6).toPrecision(2))}M`
  return count >= 1e3 ? `${Number((count / 1e3).toPrecision(3))}k` : String(count)
}
