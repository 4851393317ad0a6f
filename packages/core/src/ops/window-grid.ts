/** How many windows cover a map, and the rows and columns by which they reach beyond it. */
export function windowGrid(height: number, width: number, window: number) {
  const [rows, columns] = [Math.ceil(height / window), Math.ceil(width / window)]
  return { rows, columns, below: rows * window - height, right: columns * window - width }
}
