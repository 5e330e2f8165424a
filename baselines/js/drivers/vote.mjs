// The majority among neighbours; equal votes go to the smallest class.

export function voter(labels, n_classes) {
  const votes = new Uint32Array(n_classes);
  return (rows) => {
    votes.fill(0);
    for (let i = 0; i < rows.length; i += 1) votes[labels[rows[i]]] += 1;
    let winner = 0;
    for (let label = 1; label < n_classes; label += 1) if (votes[label] > votes[winner]) winner = label;
    return winner;
  };
}

/** A table's rows as views, or as plain arrays. */
export function* rowsOf({ values, n_features }, as = (row) => row) {
  for (let from = 0; from < values.length; from += n_features) yield as(values.subarray(from, from + n_features));
}
