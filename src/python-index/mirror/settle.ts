import { type Digest, Fault, hasher, isFault, mapBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { type MirrorFailure, type MirrorPlan, type PlannedFile, type PlannedTarget, stateOf, summed } from './plan.ts'

const width = 8

/** Finds out what stands where nobody knows: as the place tells it, else by reading it, unless that is left for later. */
export async function settle(context: IndexContext, plan: MirrorPlan, mayRead: boolean): Promise<MirrorPlan> {
  if (plan.unproven === 0) return plan
  context.report({ kind: 'begin', task: 'compare', items: plan.unproven })
  const failures: MirrorFailure[] = [...plan.failures]
  const files = await mapBounded(
    plan.files,
    width,
    async (file, signal): Promise<PlannedFile> => {
      const targets: PlannedTarget[] = []
      for (const target of file.targets) {
        const settled = target.state === 'unproven' ? await settleOne(context, file, target, mayRead, signal) : target
        if ('code' in settled) failures.push(settled)
        else targets.push(settled)
      }
      return { ...file, targets }
    },
    context.signal,
  )
  context.report({ kind: 'end', task: 'compare' })
  return summed(files, failures)
}

async function settleOne(
  context: IndexContext,
  { project, file }: PlannedFile,
  target: PlannedTarget,
  mayRead: boolean,
  signal: AbortSignal,
): Promise<PlannedTarget | MirrorFailure> {
  const { key } = target
  const standing = target.standing!
  try {
    const digest = await digestAt(context, key, standing.etag, mayRead, signal)
    context.report({ kind: 'advance', task: 'compare', items: 1 })
    return { ...target, state: stateOf({ ...standing, digest }, file.digest), standing: { ...standing, digest } }
  } catch (error) {
    if (!isFault(error, 'precondition') && !isFault(error, 'not-found')) throw error
    return { project, what: key, code: 'busy', reason: 'it changed while it was looked at', hint: 'run it again' }
  }
}

async function digestAt(
  { bucket }: IndexContext,
  key: string,
  etag: string,
  mayRead: boolean,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const info = await bucket.head(key, { signal })
  if (info?.etag !== etag) throw new Fault('precondition', `${bucket.name}/${key} is not the version that was listed`)
  if (info.digest !== undefined || !mayRead) return info.digest
  const state = hasher()
  for await (const piece of await bucket.get(key, { etag, signal })) state.update(piece)
  return state.digest()
}
