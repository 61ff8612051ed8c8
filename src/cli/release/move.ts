import { type Command, Option } from 'commander'
import type { ReleaseConfig } from '../../config/index.ts'
import { planPromote, planRollback, promote, rollback, type Rotation, type Shifted } from '../../releases/index.ts'
import { agree, messageOption } from '../agree.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseVariant, productArgument, selectorNamed, timeFrom, type VariantFlags, variantOptions } from './choose.ts'
import { stepLines, viewsToJson } from './text.ts'
import { afterMove, dryRunOf } from './told.ts'

export function addRollbackCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<{ to?: string; asOf?: string; expect?: string; message?: string }>(release, {
    name: 'rollback',
    summary: 'Make stable what it was before; the release that failed is archived',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      new Option('--to <id>', 'an archive time, an id or a channel (default: last-stable)').conflicts('asOf'),
      new Option('--as-of <time>', 'what stable was at this time (2025-01-15T14:30Z, or an age: 36h)'),
      new Option('--expect <digest>', 'only if stable is this release or file now'),
      messageOption(),
    ],
    writes: true,
    asks: true,
    examples: [
      ['holdfast release rollback rcclx --variant 6.4', 'to last-stable'],
      ['holdfast release rollback rcclx --variant 6.4 --to 20250107_143000 --message "crashes on gfx942"', 'to an archived release'],
    ],
    run: async (call) => {
      const { options } = call
      const { product: chosen, variant } = chooseVariant(await call.config(), call.args[0], options)
      const context = await call.releases()
      const to =
        options.to !== undefined
          ? selectorNamed(options.to)
          : options.asOf !== undefined
            ? { asOf: timeFrom('--as-of', options.asOf, call.host.clock.now()) }
            : undefined
      const wanted = { to, expect: options.expect, message: options.message }
      return await shift(call, chosen, variant, {
        title: `WARNING: stable of ${chosen.name} ${variant} goes back`,
        plan: () => planRollback(context, chosen, variant, wanted),
        carryOut: () => rollback(context, chosen, variant, wanted),
        done: `stable of ${chosen.name} ${variant} went back`,
      })
    },
  })
}

export function addPromoteCommand(release: Command, cli: Cli, flags: VariantFlags): void {
  cli.add<{ from: string; to: string; expect?: string; message?: string }>(release, {
    name: 'promote',
    summary: 'Give the release of one channel to another: the very bytes that were tested',
    args: [productArgument],
    options: [
      ...variantOptions(flags),
      new Option('--from <channel>', 'the channel that holds it').default('staging'),
      new Option('--to <channel>', 'the channel that gets it').default('stable'),
      new Option('--expect <digest>', 'only if --from holds this release or file'),
      messageOption(),
    ],
    writes: true,
    asks: true,
    examples: [
      [
        'holdfast release promote rcclx --variant 6.4 --from staging --to stable --expect sha256:4f2a…',
        'what passed its tests becomes stable',
      ],
    ],
    run: async (call) => {
      const { from, to, expect, message: why } = call.options
      const { product: chosen, variant } = chooseVariant(await call.config(), call.args[0], call.options)
      const context = await call.releases()
      const wanted = { from, to, expect, message: why }
      return await shift(call, chosen, variant, {
        title: `WARNING: this changes what ${to} of ${chosen.name} ${variant} is`,
        plan: () => planPromote(context, chosen, variant, wanted),
        carryOut: () => promote(context, chosen, variant, wanted),
        done: `${to} of ${chosen.name} ${variant} is now what ${from} is`,
      })
    },
  })
}

interface ShiftPlan {
  readonly title: string
  readonly plan: () => Promise<Rotation>
  readonly carryOut: () => Promise<Shifted>
  readonly done: string
}

async function shift(
  call: Call<object>,
  chosen: ReleaseConfig,
  variant: string,
  { title, plan, carryOut, done }: ShiftPlan,
): Promise<Outcome> {
  const rotation = await plan()
  const lines = ['What will happen, in one step:', ...stepLines(rotation.steps, variant, 'will').map((line) => `  ${line}`)]
  const facts = { product: chosen.name, variant }
  if (call.options.dryRun === true) return dryRunOf(rotation, facts, lines)
  await agree(call, title, lines)
  const shifted = await carryOut()
  const { steps, state } = shifted.rotation
  return {
    result: {
      ...facts,
      channels: state.channels,
      generation: shifted.moved.after.generation,
      steps,
      lostRaces: shifted.moved.lost,
      views: viewsToJson(shifted.reconciled.views),
    },
    text: [call.paint.green(printable(done)), ...stepLines(steps, variant, 'did').map((line) => `  ${line}`), ...afterMove(shifted)].join(
      '\n',
    ),
  }
}
