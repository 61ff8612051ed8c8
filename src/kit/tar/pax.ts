import type { ByteText } from '../byte-text.ts'
import { Fault } from '../fault.ts'

/** What an extended header says that reading needs. */
export interface PaxFields {
  path?: ByteText
  linkpath?: ByteText
  size?: number
}

/** Records of `<length> <key>=<value>\n`, where the length counts all of it. A later record wins; an empty value takes nothing back. */
export function parsePax(bytes: Buffer): PaxFields {
  const fields: PaxFields = {}
  for (let at = 0; at < bytes.byteLength;) {
    const space = bytes.indexOf(0x20, at)
    const digits = space < 0 || space - at > 10 ? '' : bytes.toString('latin1', at, space)
    const end = at + Number(digits)
    if (!/^[1-9]\d*$/.test(digits) || end > bytes.byteLength || bytes[end - 1] !== 0x0a || end - 1 <= space) throw damaged()
    const record = bytes.toString('latin1', space + 1, end - 1)
    const equals = record.indexOf('=')
    if (equals <= 0) throw damaged()
    readRecord(fields, record.slice(0, equals), record.slice(equals + 1))
    at = end
  }
  return fields
}

function readRecord(fields: PaxFields, key: string, value: ByteText): void {
  if (key === 'size') {
    const size = Number(value)
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(size)) throw damaged()
    fields.size = size
  } else if ((key === 'path' || key === 'linkpath') && value !== '') fields[key] = value
  // The name in a sparse file's own header is that of a folder for programs that do not know such files.
  else if (key === 'GNU.sparse.name' && value !== '') fields.path = value
}

function damaged(): Fault {
  return new Fault('corrupt', 'an extended header of the archive is damaged')
}
