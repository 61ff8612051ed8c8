/** A member of a tar as a test wants it. */
export interface TarMember {
  readonly name: string
  readonly content?: Uint8Array | undefined
  /** The header's type flag; `0`, a file, if not given. */
  readonly type?: string | undefined
  readonly link?: string | undefined
  /** What the header says instead of the truth. */
  readonly says?: { readonly size?: number; readonly checksum?: number } | undefined
}

/** How names are written that do not fit into 100 bytes, or all of them: in ustar's prefix, in a pax header, as GNU tar does, or as old tars do. */
export type TarForm = 'ustar' | 'pax' | 'gnu' | 'v7'

const blockBytes = 512

/** A tar, with the time 0: the same input gives the same bytes. */
export function tarBytes(members: readonly TarMember[], form: TarForm = 'ustar'): Buffer {
  return Buffer.concat([...members.flatMap((member) => memberBytes(member, form)), Buffer.alloc(2 * blockBytes)])
}

function memberBytes(member: TarMember, form: TarForm): Buffer[] {
  const { name, content = new Uint8Array() } = member
  const before =
    form === 'pax'
      ? plainMember({ name: 'PaxHeaders/x', type: 'x', content: paxRecord('path', name) }, form)
      : form === 'gnu' && Buffer.byteLength(name) > 99
        ? plainMember({ name: '././@LongLink', type: 'L', content: Buffer.from(`${name}\0`) }, form)
        : []
  return [...before, ...plainMember({ ...member, content }, form)]
}

function plainMember(member: TarMember, form: TarForm): Buffer[] {
  const content = Buffer.from(member.content ?? [])
  return [header(member, content.byteLength, form), content, Buffer.alloc((blockBytes - (content.byteLength % blockBytes)) % blockBytes)]
}

function header({ name, type = '0', link = '', says }: TarMember, size: number, form: TarForm): Buffer {
  const block = Buffer.alloc(blockBytes)
  const { prefix, rest } = form === 'ustar' ? splitName(name) : { prefix: '', rest: name }
  block.write(rest, 0, 100)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${(says?.size ?? size).toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(link, 157, 100)
  if (form !== 'v7') block.write(form === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257)
  block.write(prefix, 345, 155)
  const sum = says?.checksum ?? block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function splitName(name: string): { prefix: string; rest: string } {
  if (name.length <= 100) return { prefix: '', rest: name }
  const cut = name.indexOf('/', name.length - 101)
  return cut < 0 ? { prefix: '', rest: name } : { prefix: name.slice(0, cut), rest: name.slice(cut + 1) }
}

/** `<length> <key>=<value>\n`, where the length counts its own digits too. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return Buffer.from(`${length} ${key}=${value}\n`)
}
