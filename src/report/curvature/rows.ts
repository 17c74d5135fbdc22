import { palette, type Series } from '../plot.ts'
import type { Cell } from '../types.ts'
import { paired } from './paired.ts'
import type { Named } from './results.ts'

/** The first column of a table of several results. */
export function nameColumn(all: readonly Named<unknown>[]): string[] {
  return isSingle(all) ? [] : ['name']
}

/** A row of such a table. */
export function named(all: readonly Named<unknown>[], { name }: Named<unknown>, cells: readonly Cell[]): Cell[] {
  return isSingle(all) ? [...cells] : [name, ...cells]
}

/** A single result has no name. */
export function isSingle(all: readonly Named<unknown>[]): boolean {
  return all.length === 1 && all[0]!.name === ''
}

/** Colour and marker of each result, their layers paired; `single` is what one alone is called. */
export function seriesOf<T>(all: readonly Named<T>[], single: string): (Series & { readonly result: T })[] {
  return paired(all).map(({ name, result }, i) => ({ ...palette[i % palette.length]!, name: name || single, result }))
}

/** A legend above the picture where there is more than one name. */
export function legendOf(series: readonly Series[]): object | null {
  return series.length < 2
    ? null
    : { orient: 'top', title: null, labelFontSize: 13, symbolSize: 90, symbolOpacity: 1, offset: 6 }
}
