import { useAnswer, usePages } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Ago, Badge, Digest, Size } from '../../parts/facts.tsx'
import { TimelineItem } from '../../parts/moves.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Failed, Shown, Waiting } from '../../parts/states.tsx'
import { type Column, PagedTable } from '../../parts/table.tsx'
import { exact, shortDigest } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo, place, setQuery } from '../../shell/place.ts'

type Row = Answers['listReleases']['items'][number]
type Variant = Answers['getProduct']['variants'][number]

export function Product({ product }: { readonly product: string }) {
  const answer = useAnswer('getProduct', at('releases', product))
  const variant = place.value.query.get('variant')
  return (
    <Page title={product} trail={[['Releases', hrefTo(['releases'])]]}>
      <Shown of={answer}>
        {({ variants }) => {
          const chosen = variants.find((each) => each.variant === variant) ?? (variants.length === 1 ? variants[0] : undefined)
          return (
            <>
              <div class="tabs">
                {[undefined, ...variants.map((each) => each.variant)].map((each) => (
                  <button
                    key={each ?? ''}
                    type="button"
                    aria-pressed={each === variant}
                    onClick={() => setQuery({ variant: each, a: undefined })}
                  >
                    {each ?? 'all'}
                  </button>
                ))}
              </div>
              {chosen !== undefined && (
                <Section title="Channels">
                  <Channels product={product} of={chosen} />
                </Section>
              )}
              {(variant === undefined || chosen?.generation !== 0) && (
                <>
                  <Section title="Releases" aside="Choose two to compare them">
                    <List product={product} variant={variant} />
                  </Section>
                  <Section title="History">
                    <History product={product} variant={variant} />
                  </Section>
                </>
              )}
            </>
          )
        }}
      </Shown>
    </Page>
  )
}

/** What each channel holds, and what can be done with it. */
function Channels({ product, of }: { readonly product: string; readonly of: Variant }) {
  const { variant, stable, lastStable, others } = of
  // One release may be held by several channels.
  const held = new Map([stable, lastStable, ...others].flatMap((row) => (row === undefined ? [] : [[row.id, row]])))
  if (held.size === 0)
    return <Empty command={`holdfast release create ${product} --variant ${variant}`}>No channel of {variant} holds a release yet.</Empty>
  return (
    <div class="channels">
      {[...held.values()].flatMap((row) =>
        row.channels.map((channel) => (
          <article key={channel} class={channel === 'stable' ? 'channel stable' : 'channel'} aria-label={`${channel} of ${variant}`}>
            <h3>{channel}</h3>
            <Digest digest={row.id} href={hrefTo(['releases', product, variant, channel])} />
            <p>
              <Size bytes={row.size} />, <Ago at={row.created} /> by {row.by}
            </p>
            {row.message !== undefined && <p class="message">{row.message}</p>}
            <div class="actions">
              {channel === 'stable' && lastStable !== undefined && (
                <Action
                  label="Roll back"
                  title={`Roll back ${product} ${variant}`}
                  name="release-rollback"
                  scope="release:rollback"
                  body={{ product, variant }}
                  isGrave
                />
              )}
              {channel !== 'stable' && (
                <Action
                  label="Promote"
                  title={`Promote ${channel} of ${product} ${variant}`}
                  name="release-promote"
                  scope="release:promote"
                  body={{ product, variant, from: channel }}
                  fields={[
                    { name: 'to', label: 'To the channel', value: 'stable' },
                    { name: 'message', label: 'Why, for the history' },
                  ]}
                />
              )}
            </div>
          </article>
        )),
      )}
    </div>
  )
}

function List({ product, variant }: { readonly product: string; readonly variant: string | undefined }) {
  const pages = usePages('listReleases', `${at('releases', product)}/list`, { variant })
  const a = place.value.query.get('a')
  const nameOf = (row: Row) => `${row.variant} ${row.id}`
  const columns: Column<Row>[] = [
    ...(variant === undefined ? [{ title: 'Variant', cell: (row: Row) => row.variant }] : []),
    { title: 'Release', cell: (row) => <Digest digest={row.id} href={hrefTo(['releases', product, row.variant, row.id])} isRow /> },
    { title: 'Held by', cell: (row) => <HeldBy row={row} /> },
    { title: 'Size', isNumber: true, cell: (row) => <Size bytes={row.size} /> },
    { title: 'Made', cell: (row) => <Ago at={row.created} /> },
    { title: 'By', cell: (row) => <span class="nowrap">{row.by}</span> },
    { title: 'Note', isWide: true, cell: (row) => row.message ?? <span class="faint">–</span> },
    {
      title: '',
      cell: (row) =>
        a === undefined || a === nameOf(row) ? (
          <button
            type="button"
            class="quiet"
            aria-pressed={a !== undefined}
            onClick={() => setQuery({ a: a === undefined ? nameOf(row) : undefined })}
          >
            Compare
          </button>
        ) : (
          <a class="button" href={differenceFrom(product, a, row)}>
            with {shortDigest(a.split(' ').at(-1)!)}
          </a>
        ),
    },
  ]
  return (
    <PagedTable
      label={`Releases of ${product}`}
      pages={pages}
      columns={columns}
      keyOf={nameOf}
      isMarked={(row) => nameOf(row) === a}
      empty={<Empty command={`holdfast release create ${product}`}>Nothing was released yet.</Empty>}
    />
  )
}

/** Two releases, the older one first where both are known by their variant. */
function differenceFrom(product: string, first: string, { variant, id }: Row): string {
  const [of = variant, a = ''] = first.split(' ')
  return hrefTo(['releases', product, 'diff'], { variant: of, a, b: id, variantB: of === variant ? undefined : variant })
}

function HeldBy({ row: { channels, archived } }: { readonly row: Row }) {
  return (
    <>
      {channels.map((channel) => (
        <Badge key={channel} tone={channel === 'stable' ? 'good' : 'plain'}>
          {channel}
        </Badge>
      ))}
      {archived !== undefined && (
        <span class="faint nowrap" title={archived.why}>
          archived {archived.at}
        </span>
      )}
    </>
  )
}

function History({ product, variant }: { readonly product: string; readonly variant: string | undefined }) {
  const { items, trouble, hasMore, more, again } = usePages('listReleaseMoves', `${at('releases', product)}/history`, { variant })
  if (trouble !== undefined && items === undefined) return <Failed trouble={trouble} again={again} />
  if (items === undefined) return <Waiting />
  if (items.length === 0) return <Empty>No channel has moved yet.</Empty>
  return (
    <>
      <ol class="timeline">
        {items.map((move) => (
          <TimelineItem
            key={`${move.variant} ${move.generation}`}
            verb={move.action}
            at={move.at}
            by={move.by}
            message={move.message}
            number={move.generation}
          >
            {variant === undefined && <a href={hrefTo(['releases', product], { variant: move.variant })}>{move.variant}</a>}
            <span class="after" title={`What the channels held after ${exact(move.at)}`}>
              {Object.entries(move.channels).map(([channel, id]) => (
                <span key={channel} class="chip">
                  {channel} <a href={hrefTo(['releases', product, move.variant, id])}>{shortDigest(id)}</a>
                </span>
              ))}
            </span>
          </TimelineItem>
        ))}
      </ol>
      {hasMore && (
        <button type="button" onClick={more}>
          Show more
        </button>
      )}
    </>
  )
}
