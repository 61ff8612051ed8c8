import { faultCodes } from '../kit/index.ts'

/** A check ran and found differences: a result, and no fault. */
export const exitDiffers = 1

export interface ExitRow {
  readonly exit: number
  readonly codes: readonly string[]
  readonly means: string
  readonly again: string
}

const again = { never: 'no', replan: 'after a fresh look', later: 'yes, later' } as const

/** Every exit status there is, in order. */
export function exitTable(): ExitRow[] {
  const rows = new Map<number, ExitRow>([
    [0, { exit: 0, codes: [], means: 'done, or there was nothing left to do for a command that converges', again: '' }],
    [exitDiffers, { exit: exitDiffers, codes: [], means: 'a check ran and found differences or problems', again: '' }],
  ])
  for (const [code, facts] of Object.entries(faultCodes)) {
    const known = rows.get(facts.exit)
    rows.set(facts.exit, {
      exit: facts.exit,
      codes: [...(known?.codes ?? []), code],
      means: known === undefined ? facts.means : `${known.means}; ${facts.means}`,
      again: again[facts.retry],
    })
  }
  return [...rows.values()].toSorted((a, b) => a.exit - b.exit)
}

/** The page `docs/exit-codes.md`. */
export function exitCodesPage(): string {
  const rows = exitTable().map(({ exit, codes, means, again }) => {
    return `| ${exit} | ${codes.length === 0 ? '(none)' : codes.map((code) => `\`${code}\``).join(', ')} | ${means} | ${again} |`
  })
  return `# Exit codes

Every command ends with one of these. With \`--json\` the document on stdout has \`ok: false\` and a \`fault\` with the same code
for all of them but 0 and 1. This page is made from the table in \`src/kit/fault.ts\`; a test keeps the two in line.

| exit | code | meaning | worth trying again |
|---|---|---|---|
${rows.join('\n')}

A command that converges (\`release reconcile\`, \`release prune\`, \`store prune\`, \`snapshot restore\`, \`snapshot copy\`, \`store copy\`, \`snapshot forget\` by rules, \`env restore\`, \`env push\`, \`env cleanup\`, \`env stop\`, \`runs sync\`, \`index mirror\`, \`index publish\`, \`index reconcile\`, \`index event\`, \`index archive\`) exits 0 when there is nothing to do, and says so.
A command that names an effect (\`release create\`, \`release promote\`, \`release rollback\`, \`snapshot tag\`, \`snapshot unpin\`, \`index promote\`, \`index rollback\`, \`index yank\`, \`index unyank\`, \`index mark\`, \`jobs retry\`, \`jobs cancel\`, and \`env create\` in the mode \`disabled\`) exits 3 when there would be none, and so does a filter that matches nothing. \`snapshot create\` makes a snapshot of an unchanged tree too: that it was so then is
its effect; with \`--skip-if-unchanged\` it converges.
`
}
