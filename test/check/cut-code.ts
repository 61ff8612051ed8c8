/**
 * Writes the WebAssembly module of `src/chunks/cut/wasm.ts`, instruction by instruction: the loop of FastCDC over a 32-bit gear
 * hash, two bytes a turn, eight bytes unrolled. `npm run generate` embeds it.
 */
const i32 = 0x7f
const op = {
  block: 0x02,
  loop: 0x03,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  load: 0x28,
  load8: 0x2d,
  const: 0x41,
  eqz: 0x45,
  eq: 0x46,
  ltU: 0x49,
  leU: 0x4d,
  add: 0x6a,
  and: 0x71,
  shl: 0x74,
} as const
const empty = 0x40

/** Parameters, then variables. The table lies at address 0, the doubled one behind it. */
const [at, normal, end, maskBefore, maskAfter, hash, bound, mask, gear] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const
const doubled = 1024

function leb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** A few instructions that belong together. */
const line = (...bytes: number[]) => bytes
const get = (variable: number) => [op.get, variable]
const set = (variable: number, ...value: number[]) => [...value, op.set, variable]
/** Small positive numbers only: the sixth bit would be a sign. */
const literal = (value: number) => [op.const, value]
const section = (id: number, ...content: number[]) => [id, ...leb(content.length), ...content]
const text = (word: string) => [word.length, ...Buffer.from(word)]

/** Four times the byte at `at + ahead`: the address of its number in the table. */
const slotOf = (ahead: number) => [...get(at), op.load8, 0, ...leb(ahead), ...literal(2), op.shl]
const tableAt = (offset: number) => [op.load, 2, ...leb(offset)]
const returnIfZero = (hashed: number[], ahead: number) => [
  ...hashed,
  ...get(mask),
  op.and,
  op.eqz,
  0x04, // if
  empty,
  ...get(at),
  ...literal(ahead),
  op.add,
  op.return,
  op.end,
]

function pair(ahead: number): number[] {
  return [
    ...set(gear, ...slotOf(ahead)),
    ...returnIfZero([...get(hash), ...literal(1), op.shl, ...get(gear), ...tableAt(0), op.add], ahead + 1),
    ...set(
      hash,
      ...get(hash),
      ...literal(2),
      op.shl,
      ...get(gear),
      ...tableAt(doubled),
      op.add,
      ...slotOf(ahead + 1),
      ...tableAt(0),
      op.add,
    ),
    ...returnIfZero(get(hash), ahead + 2),
  ]
}

function single(): number[] {
  return [
    ...set(hash, ...get(hash), ...literal(1), op.shl, ...slotOf(0), ...tableAt(0), op.add),
    ...returnIfZero(get(hash), 1),
    ...set(at, ...get(at), ...literal(1), op.add),
  ]
}

/** Repeats the body while `at + step <= bound`. */
const whileRoom = (step: number, body: number[]) => [
  ...line(op.block, empty, op.loop, empty),
  ...line(...get(at), ...literal(step), op.add, ...get(bound), op.leU, op.eqz, op.brIf, 1),
  ...body,
  ...line(op.br, 0, op.end, op.end),
]

function cutFunction(): number[] {
  const body = [
    ...set(bound, ...get(normal)),
    ...set(mask, ...get(maskBefore)),
    ...line(op.loop, empty),
    ...whileRoom(8, [...pair(0), ...pair(2), ...pair(4), ...pair(6), ...set(at, ...get(at), ...literal(8), op.add)]),
    ...whileRoom(1, single()),
    ...line(...get(bound), ...get(end), op.eq, 0x04, empty, ...get(end), op.return, op.end),
    ...set(bound, ...get(end)),
    ...set(mask, ...get(maskAfter)),
    ...line(op.br, 0, op.end),
    ...get(end),
    op.end,
  ]
  return [1, 4, i32, ...body]
}

function cutModule(): Uint8Array {
  const code = cutFunction()
  return Uint8Array.from([
    ...line(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
    ...section(1, 1, 0x60, 5, i32, i32, i32, i32, i32, 1, i32),
    ...section(2, 1, ...text('cut'), ...text('memory'), 2, 0, 1),
    ...section(3, 1, 0),
    ...section(7, 1, ...text('cut'), 0, 0),
    ...section(10, 1, ...leb(code.length), ...code),
  ])
}

export function cutCodeFile(): string {
  const lines = Buffer.from(cutModule())
    .toString('base64')
    .match(/.{1,132}/g)!
    .map((line) => `  '${line}'`)
  return `// Made by npm run generate from test/check/cut-code.ts.\nexport const cutCode =\n${lines.join(' +\n')}\n`
}
