//! Real data files, their readers, splits and preprocessing.
