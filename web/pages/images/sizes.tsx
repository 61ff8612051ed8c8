import type { Loaded } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { useState } from 'preact/hooks'
import { Bars } from '../../parts/bars.tsx'
import { Digest, Size } from '../../parts/facts.tsx'
import { Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { countText, plural } from '../../parts/words.ts'

type Measured = Answers['measureImages']
type Row = Measured['tags'][number]

/** Rows that are drawn at first. */
const atOnce = 25

/** What tags take in the registry, and what of it they share. */
export function Sizes({ of }: { readonly of: Loaded<Measured> }) {
  return (
    <Section title="Sizes in the registry" aside="As they are stored: compressed">
      <Shown of={of}>
        {(data) =>
          data.tags.length === 0 ? (
            <Empty command="holdfast images sync --missing">No image of these families is in the registry yet.</Empty>
          ) : (
            <Told data={data} />
          )
        }
      </Shown>
    </Section>
  )
}

function Told({ data: { tags, bytes, unique, unread, left } }: { readonly data: Measured }) {
  const [shown, setShown] = useState(atOnce)
  const rows = tags.toSorted((a, b) => b.bytes - b.shared.bytes - (a.bytes - a.shared.bytes))
  return (
    <>
      <Bars
        bars={[
          { name: plural(tags.length, 'tag'), value: bytes, text: <Size bytes={bytes} /> },
          { name: 'Shared layers once', value: unique, text: <Size bytes={unique} /> },
        ]}
      />
      <p class="faint note filters">
        What the registry keeps, where it keeps a layer once. The tags with the most of their own come first.
      </p>
      {(left > 0 || unread.length > 0) && (
        <ul class="attention filters">
          {left > 0 && <li>{plural(left, 'tag')} more, which were not looked at</li>}
          {unread.map(({ repository, tag, reason }) => (
            <li key={`${repository}:${tag}`}>
              {repository}:{tag}: {reason}
            </li>
          ))}
        </ul>
      )}
      <Table label="Sizes of tags" rows={rows.slice(0, shown)} keyOf={({ repository, tag }) => `${repository}:${tag}`} columns={columns} />
      {rows.length > shown && (
        <p class="more">
          <span role="status">
            {countText(shown)} of {countText(rows.length)}
          </span>
          <button type="button" onClick={() => setShown(shown + 100)}>
            Show more
          </button>
        </p>
      )}
    </>
  )
}

const columns = [
  {
    title: 'Image',
    isWide: true,
    cell: ({ repository, tag }: Row) => (
      <>
        <span class="nowrap">{repository}</span>
        <div>
          <code>{tag}</code>
        </div>
      </>
    ),
  },
  { title: 'Digest', cell: ({ digest }: Row) => <Digest digest={digest} /> },
  {
    title: 'Layers',
    isNumber: true,
    cell: ({ layers, shared }: Row) => (
      <>
        {countText(layers)}
        <div class="faint">{countText(shared.layers)} shared</div>
      </>
    ),
  },
  { title: 'Size', isNumber: true, cell: ({ bytes }: Row) => <Size bytes={bytes} /> },
  { title: 'Its own', isNumber: true, cell: ({ bytes, shared }: Row) => <Size bytes={bytes - shared.bytes} /> },
  { title: 'Shared', cell: (row: Row) => <Share of={row} /> },
]

/** How much of it others have too. */
function Share({ of: { bytes, shared } }: { readonly of: Row }) {
  const part = bytes === 0 ? 0 : shared.bytes / bytes
  return (
    <span class="share" title={`${countText(shared.bytes)} of ${countText(bytes)} bytes are in layers that other tags have too`}>
      <svg class="bar" width="72" height="8" aria-hidden="true">
        <rect class="bar-rest" width="100%" height="8" rx="2" />
        <rect class="bar-value" width={`${(part * 100).toFixed(1)}%`} height="8" rx="2" />
      </svg>
      {Math.round(part * 100)} %
    </span>
  )
}
