import path from 'node:path'
import { type Digest, hexOf, systemClock } from '../../src/kit/index.ts'
import {
  carryOutCopy,
  type CopiedImage,
  type CopyPlan,
  openSource,
  openTarget,
  parsePlace,
  planCopy,
  type RegistryFor,
} from '../../src/oci/index.ts'
import { fileMemo } from '../../src/transfer/index.ts'

export interface CopyPlaces {
  readonly from: string
  readonly to: string
  /** Where interrupted uploads are remembered. */
  readonly state: string
  readonly registryFor: RegistryFor
}

/** An image with all that refers to it from one place to another, as the command does it; `v1` may move. */
export async function copyPlace({ from, to, state, registryFor }: CopyPlaces): Promise<CopiedImage & { readonly plan: CopyPlan }> {
  const [source, target] = [parsePlace(from), parsePlace(to)]
  const opened = await openSource(source, registryFor)
  const memoFor = (_host: string, _repository: string, digest: Digest) => fileMemo(path.join(state, hexOf(digest)))
  const into = await openTarget(target, { from: [source], registryFor, clock: systemClock, memoFor })
  try {
    const sides = { source: opened.source, target: into.target }
    const plan = await planCopy({ ...sides, ref: opened.ref, as: into.as, all: true, moving: ['v1'] })
    return { plan, ...(await carryOutCopy(plan, sides)) }
  } finally {
    await into.target.close()
    await opened.source.close()
  }
}
