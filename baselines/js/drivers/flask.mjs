// scikit-learn behind Flask, called row by row over HTTP as the paper does; python/flask_server.py is the other end.

export async function create({ case_name, form, k, platform }) {
  const url = `${platform.flask_url}/${case_name}/${form}/${k}`;
  const build = await fetch(url, { method: "POST" });
  if (!build.ok) throw new Error(`the Flask server says ${build.status}: ${await build.text()}`);
  let nearest = [];
  return {
    query_form: (row) => Array.from(row),
    async query(query) {
      // A plain-text body, so that a page need not ask for leave first.
      const answer = await fetch(`${url}/query`, { method: "POST", body: JSON.stringify(query) });
      const { label, rows } = await answer.json();
      nearest = rows;
      return label;
    },
    neighbours: () => nearest,
    facts: async () => (await fetch(`${platform.flask_url}/facts`)).json(),
  };
}
