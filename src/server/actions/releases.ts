import * as v from 'valibot'
import {
  historyOf,
  planPromote,
  planRollback,
  promote,
  rollback,
  type Rotation,
  shortId,
  type Shifted,
  type Step,
} from '../../releases/index.ts'
import { productOf, selectorOf } from '../routes/releases.ts'
import { channel, digest, name, text } from '../routes/shapes.ts'
import type { Served } from '../served.ts'
import { action, type Done, type Planned } from './action.ts'

const which = { product: name, variant: name }
const expect = v.optional(v.pipe(digest, v.description('Only if it is this release or file now.')))
const message = v.optional(v.pipe(text, v.description('Why; kept in the history.')))

export const releaseActions = [
  action({
    id: 'promoteRelease',
    tag: 'releases',
    path: '/release-promote',
    scope: 'release:promote',
    summary: 'Give the release of one channel to another: the very bytes that were tested',
    body: { ...which, from: channel, to: channel, expect, message },
    plan: async (acting, { product, variant, from, to, ...more }) =>
      await planned(acting, product, variant, {
        plan: async (context, of) => await planPromote(context, of, variant, { from, to, ...more }),
        carryOut: async (context, of, generation) => await promote(context, of, variant, { from, to, generation, ...more }),
      }),
  }),
  action({
    id: 'rollBackRelease',
    tag: 'releases',
    path: '/release-rollback',
    scope: 'release:rollback',
    summary: 'Make stable what it was before; the release that failed is archived',
    body: {
      ...which,
      to: v.optional(v.pipe(v.string(), v.maxLength(100), v.description('An archive time, an id or a channel; last-stable unless told.'))),
      expect,
      message,
    },
    plan: async (acting, { product, variant, to, ...more }) => {
      const wanted = { ...(to === undefined ? {} : { to: selectorOf(to) }), ...more }
      return await planned(acting, product, variant, {
        plan: async (context, of) => await planRollback(context, of, variant, wanted),
        carryOut: async (context, of, generation) => await rollback(context, of, variant, { ...wanted, generation }),
      })
    },
  }),
]

type Context = Awaited<ReturnType<Served['releases']>>
type Product = ReturnType<typeof productOf>

interface Move {
  readonly plan: (context: Context, product: Product) => Promise<Rotation>
  readonly carryOut: (context: Context, product: Product, generation: number) => Promise<Shifted>
}

async function planned(acting: Served, product: string, variant: string, move: Move): Promise<Planned> {
  const context = await acting.releases()
  const of = productOf(acting, product)
  const [last] = await historyOf(context, of, variant)
  const generation = last?.generation ?? 0
  const { steps } = await move.plan(context, of)
  return {
    lines: steps.map(lineOf),
    // The time of an archive is that of the move.
    facts: { generation, steps: steps.map((step) => ('at' in step && step.kind === 'archive' ? { ...step, at: undefined } : step)) },
    carryOut: async (): Promise<Done> => {
      const { moved } = await move.carryOut(context, of, generation)
      return { before: moved.before?.state.channels, after: moved.after.state.channels }
    },
  }
}

function lineOf(step: Step): string {
  switch (step.kind) {
    case 'point':
      return `${step.channel}: ${step.before === undefined ? 'empty' : shortId(step.before)} -> ${shortId(step.release)}`
    case 'empty':
      return `${step.channel}: ${shortId(step.before)} -> empty`
    case 'archive':
      return `${shortId(step.release)}, which was ${step.from}, is archived`
    case 'drop':
      return `the archive ${step.at} is dropped`
  }
}
