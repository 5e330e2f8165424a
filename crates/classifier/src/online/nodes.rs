//! Nodes of the R-tree: up to [`WIDTH`] entries side by side, feature by feature.
//!
//! An entry of a leaf is a row, which has one side; an entry of an inner node is the box round a node below, which has
//! two. What lies side by side is worked on in SIMD registers. Numbers of nodes that were freed are used again.

use kernels::{NODE_WIDTH, Tile};

use crate::sorting::sort_few;

/// Entries of a node, of which one is free between insertions.
pub(super) const WIDTH: usize = NODE_WIDTH;
/// No node.
pub(super) const NO_NODE: u32 = u32::MAX;

/// A row as a point, or a box: what an entry is made from.
#[derive(Debug, Clone, Default)]
pub(super) struct Hull {
    /// The lower and the upper end of each feature; the same for a row.
    pub(super) ends: Vec<[f64; 2]>,
    /// The smallest number of a row within.
    pub(super) first_row: u64,
}

/// What a node has beside its features.
#[derive(Debug, Clone)]
struct Head {
    n_entries: usize,
    parent: u32,
    /// Of each entry, the smallest number of a row within: of a leaf's entry, its row.
    first_rows: [u64; WIDTH],
    /// Of each entry of an inner node, the node below.
    children: [u32; WIDTH],
}

/// All leaves, or all inner nodes.
#[derive(Debug)]
pub(super) struct Nodes<const SIDES: usize> {
    /// Of each feature, what its differences are multiplied by where sizes are compared.
    weight_roots: Vec<f64>,
    heads: Vec<Head>,
    /// Of each node, each feature.
    tiles: Vec<Tile<SIDES>>,
    free: Vec<u32>,
}

impl<const SIDES: usize> Nodes<SIDES> {
    pub(super) fn new(weight_roots: &[f64]) -> Self {
        Self {
            weight_roots: weight_roots.to_vec(),
            heads: Vec::new(),
            tiles: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A node without entries or parent.
    pub(super) fn create(&mut self) -> u32 {
        let head = Head {
            n_entries: 0,
            parent: NO_NODE,
            first_rows: [0; WIDTH],
            children: [NO_NODE; WIDTH],
        };
        if let Some(node) = self.free.pop() {
            self.heads[node as usize] = head;
            return node;
        }
        self.heads.push(head);
        let n_tiles = self.heads.len() * self.weight_roots.len();
        self.tiles.resize(n_tiles, [[0.0; WIDTH]; SIDES]);
        // Numbers fit: 2^32 nodes would take more than half a terabyte.
        (self.heads.len() - 1) as u32
    }

    pub(super) fn free(&mut self, node: u32) {
        self.free.push(node);
    }

    pub(super) fn len(&self, node: u32) -> usize {
        self.heads[node as usize].n_entries
    }

    pub(super) fn parent(&self, node: u32) -> u32 {
        self.heads[node as usize].parent
    }

    pub(super) fn set_parent(&mut self, node: u32, parent: u32) {
        self.heads[node as usize].parent = parent;
    }

    /// Of each entry, the smallest number of a row within.
    pub(super) fn first_rows(&self, node: u32) -> &[u64] {
        let head = &self.heads[node as usize];
        &head.first_rows[..head.n_entries]
    }

    /// Of each entry, the node below.
    pub(super) fn children(&self, node: u32) -> &[u32] {
        let head = &self.heads[node as usize];
        &head.children[..head.n_entries]
    }

    /// Each feature of all entries.
    pub(super) fn tiles(&self, node: u32) -> &[Tile<SIDES>] {
        &self.tiles[node as usize * self.weight_roots.len()..][..self.weight_roots.len()]
    }

    fn tiles_mut(&mut self, node: u32) -> &mut [Tile<SIDES>] {
        let n_features = self.weight_roots.len();
        &mut self.tiles[node as usize * n_features..][..n_features]
    }

    /// Adds an entry; there is room.
    pub(super) fn push(&mut self, node: u32, hull: &Hull, child: u32) {
        let head = &mut self.heads[node as usize];
        let lane = head.n_entries;
        head.n_entries += 1;
        head.children[lane] = child;
        self.set(node, lane, hull);
    }

    /// Gives an entry another hull.
    pub(super) fn set(&mut self, node: u32, lane: usize, hull: &Hull) {
        self.heads[node as usize].first_rows[lane] = hull.first_row;
        for (tile, ends) in self.tiles_mut(node).iter_mut().zip(&hull.ends) {
            tile[0][lane] = ends[0];
            tile[SIDES - 1][lane] = ends[1];
        }
    }

    /// Widens an entry to hold `hull` as well.
    pub(super) fn extend(&mut self, node: u32, lane: usize, hull: &Hull) {
        let first_row = &mut self.heads[node as usize].first_rows[lane];
        *first_row = hull.first_row.min(*first_row);
        for (tile, ends) in self.tiles_mut(node).iter_mut().zip(&hull.ends) {
            tile[0][lane] = tile[0][lane].min(ends[0]);
            tile[SIDES - 1][lane] = tile[SIDES - 1][lane].max(ends[1]);
        }
    }

    /// Takes an entry out; the last one takes its place.
    pub(super) fn swap_remove(&mut self, node: u32, lane: usize) {
        let head = &mut self.heads[node as usize];
        head.n_entries -= 1;
        let last = head.n_entries;
        head.first_rows[lane] = head.first_rows[last];
        head.children[lane] = head.children[last];
        for side in self.tiles_mut(node).iter_mut().flatten() {
            side[lane] = side[last];
        }
    }

    /// Writes what one entry holds.
    pub(super) fn entry(&self, node: u32, lane: usize, into: &mut Hull) {
        into.first_row = self.first_rows(node)[lane];
        into.ends.clear();
        for tile in self.tiles(node) {
            into.ends.push([tile[0][lane], tile[SIDES - 1][lane]]);
        }
    }

    /// Writes what all entries hold together.
    pub(super) fn hull(&self, node: u32, into: &mut Hull) {
        let n_entries = self.len(node);
        into.first_row = self.first_rows(node).iter().copied().fold(u64::MAX, u64::min);
        into.ends.clear();
        for tile in self.tiles(node) {
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for (below, above) in tile[0].iter().zip(&tile[SIDES - 1]).take(n_entries) {
                low = low.min(*below);
                high = high.max(*above);
            }
            into.ends.push([low, high]);
        }
    }

    /// The entries in the order in which they are split: by their middle in the feature in which the middles are spread
    /// most, equal ones by row.
    pub(super) fn split_order(&self, node: u32) -> [usize; WIDTH] {
        let middles = |tile: &Tile<SIDES>| -> [f64; WIDTH] {
            std::array::from_fn(|lane| tile[0][lane] / 2.0 + tile[SIDES - 1][lane] / 2.0)
        };
        let n_entries = self.len(node);
        let spread = |tile: &Tile<SIDES>, root: f64| {
            let middles = &middles(tile)[..n_entries];
            let mean = middles
                .iter()
                .map(|middle| middle / n_entries as f64)
                .sum::<f64>();
            middles
                .iter()
                .map(|middle| root * (middle - mean))
                .map(|difference| difference * difference)
                .sum::<f64>()
        };
        let mut widest = [0.0; WIDTH];
        let mut largest = f64::NEG_INFINITY;
        for (tile, root) in self.tiles(node).iter().zip(&self.weight_roots) {
            let spread = spread(tile, *root);
            if spread > largest {
                largest = spread;
                widest = middles(tile);
            }
        }
        let first_rows = &self.heads[node as usize].first_rows;
        let mut lanes = std::array::from_fn(|lane| lane);
        sort_few(&mut lanes[..n_entries], |&a, &b| {
            (widest[a], first_rows[a]) < (widest[b], first_rows[b])
        });
        lanes
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.heads[..]) + size_of_val(&self.tiles[..]) + size_of_val(&self.free[..])
    }
}

impl Nodes<2> {
    /// The entry whose sides grow least to take in `hull`; of equals the smallest.
    pub(super) fn choose(&self, node: u32, hull: &Hull) -> usize {
        let (mut growths, mut sizes) = ([0.0; WIDTH], [0.0; WIDTH]);
        let sides = self.tiles(node).iter().zip(&hull.ends);
        for (([low, high], ends), root) in sides.zip(&self.weight_roots) {
            for lane in 0..WIDTH {
                let (below, above) = (low[lane] - ends[0], ends[1] - high[lane]);
                growths[lane] += root
                    * ((if below > 0.0 { below } else { 0.0 }) + (if above > 0.0 { above } else { 0.0 }));
                sizes[lane] += root * (high[lane] - low[lane]);
            }
        }
        let mut best = 0;
        for lane in 1..self.len(node) {
            if (growths[lane], sizes[lane]) < (growths[best], sizes[best]) {
                best = lane;
            }
        }
        best
    }
}
