//! What there is: one [`Entry`] for each data set, with licence, source, shape and checksums.
//!
//! `README.md` of this crate holds [`markdown_table`], and a test compares the two and the files themselves.

use std::fmt::Write as _;

/// A data set known by name.
#[derive(Debug)]
pub struct Entry {
    /// The name to load it by.
    pub name: &'static str,
    /// Its title where it is published.
    pub title: &'static str,
    /// One sentence: what a row is and what the class says.
    pub about: &'static str,
    /// Licence, or what is known instead.
    pub licence: &'static str,
    /// The page that publishes it.
    pub source: &'static str,
    /// Who made it.
    pub citation: &'static str,
    /// Digital object identifier of the set, or of the paper cited; `None` if there is none.
    pub doi: Option<&'static str>,
    /// Rows.
    pub n_rows: usize,
    /// Features.
    pub n_features: usize,
    /// Feature names and units, in column order.
    pub features: &'static [Feature],
    /// Class names, in the order of their ids.
    pub classes: &'static [&'static str],
    /// Whether rows have times.
    pub has_times: bool,
    /// Whether it is part of the program; others are fetched when asked for.
    pub built_in: bool,
    /// The files it is made of, in row order.
    pub files: &'static [File],
    /// Where the files are fetched from; `None` for a built-in set.
    pub archive: Option<Archive>,
    /// What was done to the published files, or is to be known about them.
    pub note: &'static str,
}

/// One feature of a catalogued set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Name.
    pub name: &'static str,
    /// Unit, where it is published.
    pub unit: Option<&'static str>,
}

/// One file of a catalogued set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// File name, without folder.
    pub name: &'static str,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: &'static str,
}

/// A zip archive that holds the files of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// Path below [`ARCHIVE_BASE_URL`].
    pub path: &'static str,
}

/// The host that the archives are fetched from: the UCI Machine Learning Repository.
pub const ARCHIVE_BASE_URL: &str = "https://archive.ics.uci.edu";

impl Entry {
    /// Name of the set's folder in a data folder or cache.
    #[must_use]
    pub fn folder(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// Every known set: the built-in ones first.
#[must_use]
pub fn catalogue() -> &'static [Entry] {
    &ENTRIES
}

/// The set of this name.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The names of all sets, for error messages: `covertype, wine, …`.
pub(crate) fn names() -> String {
    ENTRIES
        .iter()
        .map(|entry| entry.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The catalogue as a Markdown table followed by one paragraph a set.
#[must_use]
pub fn markdown_table() -> String {
    let mut text = String::from(
        "| name | title | rows | features | classes | times | in the program | licence |\n|---|---|--:|--:|--:|---|---|---|\n",
    );
    for e in catalogue() {
        let times = if e.has_times { "yes" } else { "no" };
        let built_in = if e.built_in { "yes" } else { "fetched" };
        let (n_rows, n_classes) = (thousands(e.n_rows), e.classes.len());
        let _ = writeln!(
            text,
            "| `{}` | {} | {n_rows} | {} | {n_classes} | {times} | {built_in} | {} |",
            e.name, e.title, e.n_features, e.licence
        );
    }
    for e in catalogue() {
        let doi = e
            .doi
            .map(|doi| format!(" <https://doi.org/{doi}>."))
            .unwrap_or_default();
        let _ = write!(text, "\n### {}\n\n{} {}\n\n", e.name, e.about, e.note);
        let _ = writeln!(text, "- Source: <{}>", e.source);
        let _ = writeln!(text, "- Cite: {}.{doi}", e.citation);
        let _ = writeln!(text, "- Licence: {}", e.licence);
        let _ = writeln!(text, "- Classes: {}", e.classes.join(", "));
        let _ = writeln!(text, "- Features: {}", features_line(e.features));
        for file in e.files {
            let _ = writeln!(text, "- File: `{}`, SHA-256 `{}`", file.name, file.sha256);
        }
    }
    text
}

/// `a (m), b, …`; more than 30 features are cut short, the program lists them all.
fn features_line(features: &[Feature]) -> String {
    const SHOWN: usize = 30;
    let shown = features.iter().take(SHOWN).map(|feature| match feature.unit {
        Some(unit) => format!("{} ({unit})", feature.name),
        None => feature.name.to_owned(),
    });
    let mut line = shown.collect::<Vec<_>>().join(", ");
    if let Some(last) = features.last().filter(|_| features.len() > SHOWN) {
        let _ = write!(line, ", … {}", last.name);
    }
    line
}

/// `581012` as `581,012`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

const fn feature(name: &'static str, unit: &'static str) -> Feature {
    Feature {
        name,
        unit: Some(unit),
    }
}

const fn bare(name: &'static str) -> Feature {
    Feature { name, unit: None }
}

const CC_BY: &str = "CC BY 4.0";
const AS_DISTRIBUTED: &str = "none stated; as distributed with scikit-multiflow 0.4.1 (BSD 3-Clause, data/LICENSE-scikit-multiflow.txt)";

static ENTRIES: [Entry; 7] = [
    Entry {
        name: "covertype",
        title: "Covertype",
        about: "A row is a patch of 30 m × 30 m in four wilderness areas of Roosevelt National Forest, Colorado, described by maps alone; the class is the kind of forest that grows there.",
        licence: CC_BY,
        source: "https://archive.ics.uci.edu/dataset/31/covertype",
        citation: "Jock Blackard (1998), \"Covertype\", UCI Machine Learning Repository",
        doi: Some("10.24432/C50K5N"),
        n_rows: 581_012,
        n_features: 54,
        features: &COVERTYPE_FEATURES,
        classes: &[
            "Spruce/Fir",
            "Lodgepole Pine",
            "Ponderosa Pine",
            "Cottonwood/Willow",
            "Aspen",
            "Douglas-fir",
            "Krummholz",
        ],
        has_times: false,
        built_in: true,
        files: &[File {
            name: "covertype.parquet",
            sha256: "1d7b81764e1806130f8749a9d04c7cc6e23dc2e54a46b50786d56d4b9f472c5c",
        }],
        archive: None,
        note: "All rows of UCI's covtype.data in its order, every value unchanged, packed as Parquet with 16-bit integers. Classes 1 to 7 and the four wilderness areas have the names of UCI's covtype.info.",
    },
    Entry {
        name: "wine",
        title: "Wine Quality (white)",
        about: "A row is a sample of Portuguese vinho verde measured in the laboratory; the class is its quality as tasters graded it, 3 to 9.",
        licence: CC_BY,
        source: "https://archive.ics.uci.edu/dataset/186/wine+quality",
        citation: "P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis (2009), \"Wine Quality\", UCI Machine Learning Repository",
        doi: Some("10.24432/C56S3T"),
        n_rows: 4_898,
        n_features: 11,
        features: &[
            feature("fixed acidity", "g/dm³"),
            feature("volatile acidity", "g/dm³"),
            feature("citric acid", "g/dm³"),
            feature("residual sugar", "g/dm³"),
            feature("chlorides", "g/dm³"),
            feature("free sulfur dioxide", "mg/dm³"),
            feature("total sulfur dioxide", "mg/dm³"),
            feature("density", "g/cm³"),
            bare("pH"),
            feature("sulphates", "g/dm³"),
            feature("alcohol", "% vol"),
        ],
        classes: &["3", "4", "5", "6", "7", "8", "9"],
        has_times: false,
        built_in: true,
        files: &[File {
            name: "winequality-white.csv",
            sha256: "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836",
        }],
        archive: None,
        note: "UCI's file to the byte. 937 rows repeat an earlier one.",
    },
    Entry {
        name: "elec",
        title: "Electricity (ELEC2)",
        about: "A row is half an hour on the electricity market of New South Wales, 1996 to 1998; the class says whether the price is above its average over the last 24 hours.",
        licence: AS_DISTRIBUTED,
        source: "https://scikit-multiflow.github.io/",
        citation: "M. Harries (1999), \"Splice-2 comparative evaluation: electricity pricing\", University of New South Wales",
        doi: None,
        n_rows: 45_312,
        n_features: 6,
        features: &[
            bare("period"),
            bare("nswprice"),
            bare("nswdemand"),
            bare("vicprice"),
            bare("vicdemand"),
            bare("transfer"),
        ],
        classes: &["DOWN", "UP"],
        has_times: false,
        built_in: true,
        files: &[File {
            name: "elec.parquet",
            sha256: "7139a7dca9c5215706564da9e9fec3172aeb1fa3ec521548ced25c13ecc6c27f",
        }],
        archive: None,
        note: "In time order, every feature scaled to 0..1 by its distributor. The file does not name its columns: the names are those of ELEC2 without date and day of the week, by comparison of values; class 0 is DOWN, 1 is UP. Packed as Parquet with 64-bit floats.",
    },
    Entry {
        name: "weather",
        title: "NOAA weather, Bellevue (Nebraska)",
        about: "A row is a day at Offutt Air Force Base, 1949 to 1999; the class says whether it rained.",
        licence: AS_DISTRIBUTED,
        source: "https://scikit-multiflow.github.io/",
        citation: "R. Elwell, R. Polikar (2011), \"Incremental learning of concept drift in nonstationary environments\", IEEE Trans. Neural Networks 22(10)",
        doi: Some("10.1109/TNN.2011.2160459"),
        n_rows: 18_159,
        n_features: 8,
        features: &[
            feature("temperature", "°F"),
            feature("dew_point", "°F"),
            feature("sea_level_pressure", "hPa"),
            bare("visibility"),
            bare("wind_speed"),
            bare("max_wind_speed"),
            feature("max_temperature", "°F"),
            feature("min_temperature", "°F"),
        ],
        classes: &["no rain", "rain"],
        has_times: false,
        built_in: true,
        files: &[File {
            name: "weather.parquet",
            sha256: "3689c3a0d6ee61c11170db3b7998aa4821df83544c068439e1e0252351442672",
        }],
        archive: None,
        note: "In time order. The file does not name its columns: names follow the order in which the paper lists them, units of temperature and pressure are read off the values (minimum ≤ mean ≤ maximum holds in every row); some pressures, up to 5,503.8, are errors of the source and are kept. Class 0 is no rain, 1 is rain. Packed as Parquet with 64-bit floats.",
    },
    Entry {
        name: "occupancy",
        title: "Occupancy Detection",
        about: "A row is a minute in a real office in Belgium, February 2015; the class says whether somebody was in.",
        licence: CC_BY,
        source: "https://archive.ics.uci.edu/dataset/357/occupancy+detection",
        citation: "L. Candanedo (2016), \"Occupancy Detection\", UCI Machine Learning Repository; described by L. Candanedo and V. Feldheim in Energy and Buildings 112 (2016), 28-39",
        doi: Some("10.24432/C5X01N"),
        n_rows: 20_560,
        n_features: 5,
        features: &[
            feature("Temperature", "°C"),
            feature("Humidity", "%"),
            feature("Light", "lux"),
            feature("CO2", "ppm"),
            feature("HumidityRatio", "kg/kg"),
        ],
        classes: &["empty", "occupied"],
        has_times: true,
        built_in: false,
        files: &[
            File {
                name: "datatest.txt",
                sha256: "1b92c7c1b2838963464fa891a610cf3c5db4becb7189189b29b330107a584c7f",
            },
            File {
                name: "datatraining.txt",
                sha256: "b2c4d0ce2b9e4e453c476f7125ef31aeec2d1f5c7f5572d0e80de3df6521ab56",
            },
            File {
                name: "datatest2.txt",
                sha256: "d026d1bd5aeccd4aff4f3b3710d48e40613bd5fc370db7e61bbdcaa50d985095",
            },
        ],
        archive: Some(Archive {
            path: "/static/public/357/occupancy+detection.zip",
        }),
        note: "Its three files are read in time order: datatest (2 to 4 February), datatraining (4 to 10), datatest2 (11 to 18).",
    },
    Entry {
        name: "room-occupancy",
        title: "Room Occupancy Estimation",
        about: "A row is 30 seconds of seven sensor nodes in a room, December 2017 and January 2018; the class is the number of people in it.",
        licence: CC_BY,
        source: "https://archive.ics.uci.edu/dataset/864/room+occupancy+estimation",
        citation: "A. P. Singh, S. Chaudhari (2018), \"Room Occupancy Estimation\", UCI Machine Learning Repository",
        doi: Some("10.24432/C5P605"),
        n_rows: 10_129,
        n_features: 16,
        features: &[
            feature("S1_Temp", "°C"),
            feature("S2_Temp", "°C"),
            feature("S3_Temp", "°C"),
            feature("S4_Temp", "°C"),
            feature("S1_Light", "lux"),
            feature("S2_Light", "lux"),
            feature("S3_Light", "lux"),
            feature("S4_Light", "lux"),
            feature("S1_Sound", "V"),
            feature("S2_Sound", "V"),
            feature("S3_Sound", "V"),
            feature("S4_Sound", "V"),
            feature("S5_CO2", "ppm"),
            bare("S5_CO2_Slope"),
            bare("S6_PIR"),
            bare("S7_PIR"),
        ],
        classes: &["0", "1", "2", "3"],
        has_times: true,
        built_in: false,
        files: &[File {
            name: "Occupancy_Estimation.csv",
            sha256: "c090ee5c94b61762bfec9d22767864490b51030f98cca030f02822468db25d9c",
        }],
        archive: Some(Archive {
            path: "/static/public/864/room+occupancy+estimation.zip",
        }),
        note: "In time order; its columns Date and Time together are the row's time.",
    },
    Entry {
        name: "wall-robot",
        title: "Wall-Following Robot Navigation",
        about: "A row is one turn of the 24 ultrasound sensors of a robot that follows a wall, about nine a second; the class is what it did.",
        licence: CC_BY,
        source: "https://archive.ics.uci.edu/dataset/194/wall+following+robot+navigation+data",
        citation: "A. Freire, M. Veloso, G. Barreto (2009), \"Wall-Following Robot Navigation Data\", UCI Machine Learning Repository",
        doi: Some("10.24432/C57C8W"),
        n_rows: 5_456,
        n_features: 24,
        features: &WALL_ROBOT_FEATURES,
        classes: &[
            "Move-Forward",
            "Sharp-Right-Turn",
            "Slight-Left-Turn",
            "Slight-Right-Turn",
        ],
        has_times: false,
        built_in: false,
        files: &[File {
            name: "sensor_readings_24.data",
            sha256: "1108cbbcac9c119519a3c493358d3084bc619b5aaa688212aa75a777aa7bd5fd",
        }],
        archive: Some(Archive {
            path: "/static/public/194/wall+following+robot+navigation+data.zip",
        }),
        note: "In time order, without times and without a header: US1 is the sensor at the front (180°), the others follow clockwise, 15° apart. UCI publishes no checksum: this one is of a copy whose values two independent sources share, with LF line ends.",
    },
];

const COVERTYPE_FEATURES: [Feature; 54] = [
    feature("Elevation", "m"),
    feature("Aspect", "° azimuth"),
    feature("Slope", "°"),
    feature("Horizontal_Distance_To_Hydrology", "m"),
    feature("Vertical_Distance_To_Hydrology", "m"),
    feature("Horizontal_Distance_To_Roadways", "m"),
    feature("Hillshade_9am", "0-255"),
    feature("Hillshade_Noon", "0-255"),
    feature("Hillshade_3pm", "0-255"),
    feature("Horizontal_Distance_To_Fire_Points", "m"),
    bare("Wilderness_Area_Rawah"),
    bare("Wilderness_Area_Neota"),
    bare("Wilderness_Area_Comanche_Peak"),
    bare("Wilderness_Area_Cache_la_Poudre"),
    bare("Soil_Type1"),
    bare("Soil_Type2"),
    bare("Soil_Type3"),
    bare("Soil_Type4"),
    bare("Soil_Type5"),
    bare("Soil_Type6"),
    bare("Soil_Type7"),
    bare("Soil_Type8"),
    bare("Soil_Type9"),
    bare("Soil_Type10"),
    bare("Soil_Type11"),
    bare("Soil_Type12"),
    bare("Soil_Type13"),
    bare("Soil_Type14"),
    bare("Soil_Type15"),
    bare("Soil_Type16"),
    bare("Soil_Type17"),
    bare("Soil_Type18"),
    bare("Soil_Type19"),
    bare("Soil_Type20"),
    bare("Soil_Type21"),
    bare("Soil_Type22"),
    bare("Soil_Type23"),
    bare("Soil_Type24"),
    bare("Soil_Type25"),
    bare("Soil_Type26"),
    bare("Soil_Type27"),
    bare("Soil_Type28"),
    bare("Soil_Type29"),
    bare("Soil_Type30"),
    bare("Soil_Type31"),
    bare("Soil_Type32"),
    bare("Soil_Type33"),
    bare("Soil_Type34"),
    bare("Soil_Type35"),
    bare("Soil_Type36"),
    bare("Soil_Type37"),
    bare("Soil_Type38"),
    bare("Soil_Type39"),
    bare("Soil_Type40"),
];

const WALL_ROBOT_FEATURES: [Feature; 24] = [
    bare("US1"),
    bare("US2"),
    bare("US3"),
    bare("US4"),
    bare("US5"),
    bare("US6"),
    bare("US7"),
    bare("US8"),
    bare("US9"),
    bare("US10"),
    bare("US11"),
    bare("US12"),
    bare("US13"),
    bare("US14"),
    bare("US15"),
    bare("US16"),
    bare("US17"),
    bare("US18"),
    bare("US19"),
    bare("US20"),
    bare("US21"),
    bare("US22"),
    bare("US23"),
    bare("US24"),
];
