/** A file to upload and the name it is to have: its path, where a folder was given. */
export interface Picked {
  readonly file: File
  readonly name: string
}

/** What was chosen in a file input; folders have told their paths. */
export function pickedFrom(input: HTMLInputElement): Picked[] {
  return Array.from(input.files ?? [], (file) => ({
    file,
    name: file.webkitRelativePath || file.name,
  }))
}

/** What was dropped, folders walked through. Entries must be taken before the event is over. */
export async function* droppedFiles(transfer: DataTransfer): AsyncGenerator<Picked> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === 'file')
  const entries = items.map((item) => item.webkitGetAsEntry())
  const files = items.map((item) => item.getAsFile())
  for (const [index, entry] of entries.entries()) {
    const file = files[index]
    if (entry?.isDirectory) yield* walk(entry as FileSystemDirectoryEntry)
    else if (file) yield { file, name: file.name }
  }
}

async function* walk(folder: FileSystemDirectoryEntry): AsyncGenerator<Picked> {
  const reader = folder.createReader()
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    // A folder is told in parts; the one that is empty is the last.
    if (entries.length === 0) return
    for (const entry of entries) {
      if (entry.isDirectory) yield* walk(entry as FileSystemDirectoryEntry)
      else yield { file: await fileOf(entry as FileSystemFileEntry), name: pathOf(entry) }
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject))
}

function pathOf(entry: FileSystemEntry): string {
  return entry.fullPath.replace(/^\//, '')
}
