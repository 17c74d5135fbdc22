import type { Named } from './results.ts'

type Layers = readonly { readonly name: string }[]

/**
 * Results of one net by the layer names of the first. tfjs counts the layers of a process on, so that the first dense layer of
 * a second model is called dense_Dense3, and no bar would have another beside it.
 */
export function paired<T>(all: readonly Named<T>[]): readonly Named<T>[] {
  const [first, ...others] = all.map(({ result }) => (result as { perLayer?: Layers }).perLayer)
  const part = (name: string) => name.split('/').at(-1)
  const alike = (layers: Layers | undefined) =>
    layers?.length === first?.length && layers?.every(({ name }, i) => part(name) === part(first![i]!.name))
  if (first === undefined || !others.every(alike)) return all
  return all.map(({ name, result }) => {
    const { perLayer } = result as { perLayer: Layers }
    return { name, result: { ...result, perLayer: perLayer.map((one, i) => ({ ...one, name: first[i]!.name })) } }
  })
}
