import pLimit from 'p-limit'
import type { ReceiptJson } from '../../api/receipt.ts'
import { announce, byId } from '../dom.ts'
import { bytes, counted } from '../format.ts'
import { messageOf, RemoteError } from '../server.ts'
import { takeFiles } from './drop.ts'
import type { Picked } from './picked.ts'
import { remember } from './recent.ts'
import { type Uploaded, upload } from './upload.ts'
import { UploadRow } from './upload-row.ts'

/** Uploads at a time: enough to hide the latency of small files, few enough for large ones. */
const WIDTH = 3
/** Rows beyond so many are removed, the oldest first, if their upload is over. */
const MAX_ROWS = 200

interface Job extends Picked {
  /** Seconds to live. Default: the server's. */
  readonly ttl: number | undefined
  /** The row of the first attempt, for a retry. */
  readonly row?: UploadRow
}

/** The upload section: uploads what is chosen or dropped, a few files at a time. */
export class Uploads {
  readonly #limit = pLimit(WIDTH)
  readonly #rows = new Set<UploadRow>()
  readonly #maxFileSize: () => number | undefined
  readonly #onStored: (receipt: ReceiptJson) => void
  #running = 0
  #done = 0
  #failed = 0

  /** @param onStored Called for each file that was stored. */
  constructor(maxFileSize: () => number | undefined, onStored: (receipt: ReceiptJson) => void) {
    this.#maxFileSize = maxFileSize
    this.#onStored = onStored
    takeFiles((files) => this.#add(files))
    byId('cancel-all').onclick = () => this.#cancelAll()
    byId('clear-done').onclick = () => this.#clear()
    addEventListener('beforeunload', (event) => {
      if (this.#running > 0) event.preventDefault()
    })
  }

  #add(files: readonly Picked[]): void {
    const prefix = byId<HTMLInputElement>('prefix').value.trim().replace(/\/+$/, '')
    const chosen = byId<HTMLSelectElement>('ttl').value
    const ttl = chosen === '' ? undefined : Number(chosen)
    for (const { file, name } of files) {
      this.#queue({ file, name: prefix === '' ? name : `${prefix}/${name}`, ttl })
    }
  }

  #queue(job: Job): void {
    this.#limit(() => this.#run(job))
    this.#summarize()
  }

  /** Never rejects: the row shows failures. */
  async #run(job: Job): Promise<void> {
    this.#running++
    this.#summarize()
    const row = job.row ?? this.#addRow(job)
    const cancel = new AbortController()
    row.start(() => cancel.abort())
    try {
      this.#finish(row, await this.#send(job, row, cancel.signal))
    } catch (error) {
      this.#fail(row, job, cancel.signal.aborted ? undefined : error)
    }
    this.#running--
    this.#summarize()
  }

  #send(job: Job, row: UploadRow, signal: AbortSignal): Promise<Uploaded> {
    const limit = this.#maxFileSize()
    if (limit !== undefined && job.file.size > limit) {
      throw new RemoteError(413, 'too-large', `Files here have at most ${bytes(limit)}.`)
    }
    return upload(
      job.file,
      { name: job.name },
      {
        ttl: job.ttl,
        signal,
        onProgress: (sent) => row.progress(sent),
      },
    )
  }

  #finish(row: UploadRow, receipt: Uploaded): void {
    this.#done++
    row.finish(receipt)
    remember(receipt)
    announce(`${receipt.name} is uploaded`)
    this.#onStored(receipt)
  }

  #fail(row: UploadRow, job: Job, error: unknown): void {
    this.#failed++
    const text = error === undefined ? 'Canceled' : messageOf(error)
    row.fail(text, () => {
      this.#failed--
      row.wait()
      this.#queue({ ...job, row })
    })
    announce(`${job.name}: ${text}`)
  }

  #addRow({ file, name }: Job): UploadRow {
    const row = new UploadRow(name, file.size)
    this.#rows.add(row)
    byId('uploads').prepend(row.root)
    for (const old of this.#rows) {
      if (this.#rows.size <= MAX_ROWS) break
      if (old.isOver) this.#remove(old)
    }
    return row
  }

  #remove(row: UploadRow): void {
    row.root.remove()
    this.#rows.delete(row)
  }

  #cancelAll(): void {
    this.#limit.clearQueue()
    this.#summarize()
    for (const row of this.#rows) row.cancel()
  }

  #clear(): void {
    for (const row of this.#rows) if (row.isOver) this.#remove(row)
    this.#done = 0
    this.#failed = 0
    this.#summarize()
    byId('files').focus()
  }

  #summarize(): void {
    const running = this.#running
    const waiting = this.#limit.pendingCount
    const texts = [
      running > 0 && `${running} under way`,
      waiting > 0 && `${counted(waiting, 'file')} waiting`,
      this.#done > 0 && `${this.#done} done`,
      this.#failed > 0 && `${this.#failed} not uploaded`,
    ]
    byId('queue-text').textContent = texts.filter(Boolean).join(' · ')
    byId('queue').hidden = !texts.some(Boolean)
    byId('cancel-all').hidden = running + waiting < 2
    byId('clear-done').hidden = running + waiting > 0 || this.#done + this.#failed < 2
  }
}
