import * as v from 'valibot'
import { asFault, canonicalJson, digestOf, Fault } from '../../kit/index.ts'
import type { Caller } from '../caller.ts'
import { route } from '../routes/route.ts'
import { digest } from '../routes/shapes.ts'
import type { Scope } from '../scopes.ts'
import type { Served, ServedView } from '../served.ts'

/** What an action would do, found out without changing anything. */
export interface Planned {
  /** For people: one step in a line. */
  readonly lines: readonly string[]
  /** All that the plan stands on: where it differs, the plan is another one. */
  readonly facts: unknown
  /** Does just that; throws `precondition` where what the plan stands on has changed meanwhile. */
  carryOut(): Promise<Done>
}

export interface Done {
  readonly before?: unknown
  readonly after?: unknown
}

interface Spec<B extends v.ObjectEntries> {
  readonly id: string
  readonly tag: string
  /** Below /actions. */
  readonly path: string
  readonly scope: Scope
  readonly summary: string
  readonly body: B
  readonly plan: (acting: Served, asked: v.InferOutput<v.StrictObjectSchema<B, undefined>>) => Promise<Planned>
}

const response = v.object({
  dryRun: v.boolean(),
  plan: v.pipe(digest, v.description('Names the plan: an execution has to name the one that was seen.')),
  lines: v.pipe(v.array(v.string()), v.description('The plan for people, one step in a line.')),
  before: v.optional(v.unknown()),
  after: v.optional(v.unknown()),
})

type Answered = v.InferOutput<typeof response>

const confirmation = {
  dryRun: v.optional(v.pipe(v.boolean(), v.description('Show the plan and do nothing.'))),
  plan: v.optional(v.pipe(digest, v.description('The `plan` of the dry run: what was confirmed is what is done, or nothing.'))),
}

/**
 * Two requests: a dry run gives the plan and its digest, and the execution names that digest. Where the plan is another one by then, nothing is
 * done. What is done is in the audit log before it begins and after it has ended.
 */
export function action<B extends v.ObjectEntries>({ id, tag, path, scope, summary, body, plan }: Spec<B>) {
  return route({
    id,
    method: 'POST',
    path: `/actions${path}`,
    tag,
    summary,
    scope,
    body: v.strictObject({ ...body, ...confirmation }),
    response,
    run: async (served, { body: given, caller, idempotencyKey }): Promise<Answered> => {
      // The schema is put together of both.
      const { dryRun, plan: named, ...rest } = given as Confirmation & Record<string, unknown>
      const asked = rest as v.InferOutput<v.StrictObjectSchema<B, undefined>>
      const request: Asked = { action: id, what: rest, caller }
      const carryOut = async () => {
        const planned = await plan(actingFor(served, caller), asked)
        const digestOfPlan = digestOf(canonicalJson({ action: id, what: rest, facts: planned.facts }))
        const answer = { plan: digestOfPlan, lines: [...planned.lines] }
        if (dryRun === true) return { dryRun: true, ...answer }
        if (named === undefined) throw unseen()
        if (named !== digestOfPlan) throw other()
        return { dryRun: false, ...answer, ...(await logged(served, request, digestOfPlan, planned)) }
      }
      if (dryRun === true || idempotencyKey === undefined) return await carryOut()
      return await once(served, caller, idempotencyKey, canonicalJson({ id, given }), carryOut)
    },
  })
}

interface Confirmation {
  readonly dryRun?: boolean
  readonly plan?: string
}

interface Asked {
  readonly action: string
  readonly what: unknown
  readonly caller: Caller
}

async function logged(served: ServedView, { action: named, what, caller }: Asked, plan: string, planned: Planned): Promise<Done> {
  const { audit } = served.state
  const entry = { request: caller.request, action: named, by: byOf(caller), from: caller.address, what: { ...(what as object), plan } }
  audit.append({ ...entry, kind: 'began' })
  const done = await planned
    .carryOut()
    .catch((error: unknown) => {
      audit.append({ ...entry, kind: 'failed', message: asFault(error).message })
      throw error
    })
    .finally(() => served.forget())
  // Where this cannot be written down, it was done all the same: the log ends with its beginning, and not with a failure.
  audit.append({
    ...entry,
    kind: 'done',
    ...(done.before === undefined ? {} : { before: done.before }),
    ...(done.after === undefined ? {} : { after: done.after }),
  })
  return done
}

async function once(served: ServedView, { token }: Caller, key: string, request: string, work: () => Promise<Answered>): Promise<Answered> {
  const { answers } = served.state
  const holder = token?.id ?? ''
  const begun = answers.begin(holder, key, digestOf(request))
  if (begun.kind === 'known') return v.parse(response, begun.answer)
  if (begun.kind === 'other')
    throw new Fault('invalid', 'this Idempotency-Key was used for another request', { hint: 'use a new one for each action' })
  if (begun.kind === 'busy')
    throw new Fault('busy', 'the request of this Idempotency-Key is being carried out', { hint: 'ask again in a moment' })
  try {
    const answer = await work()
    answers.end(holder, key, answer)
    return answer
  } catch (error) {
    answers.drop(holder, key)
    throw error
  }
}

/** Names move in the token's name. */
function actingFor({ acting }: ServedView, caller: Caller): Served {
  const by = byOf(caller)
  return {
    ...acting,
    releases: async () => ({ ...(await acting.releases()), by }),
    index: async (name) => ({ ...(await acting.index(name)), by }),
    snapshots: async () => ({ ...(await acting.snapshots()), by }),
  }
}

function byOf({ token }: Caller): string {
  return token === undefined ? 'nobody' : `${token.name} (token ${token.id})`
}

function unseen(): Fault {
  return new Fault('invalid', 'the plan is not named', { hint: 'ask with `dryRun` first, look at the plan, and send its digest as `plan`' })
}

function other(): Fault {
  return new Fault('precondition', 'the plan is not what it was; nothing was changed', {
    hint: 'ask with `dryRun` again, and look at what it is now',
  })
}
