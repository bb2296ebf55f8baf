//! Options and the SKUs they make: a product has one SKU for each combination of one value of each
//! group, and one SKU where it has no groups.

use std::collections::{BTreeMap, BTreeSet};

use service_kit::ids;

use crate::{limits::SKUS_MAX, refusal::Refusal};

/// A group of options to be, such as a size.
#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    pub(crate) name: String,
    pub(crate) values: Vec<NewValue>,
}

/// A value of a group, and what it adds to the price.
#[derive(Debug, Clone)]
pub(crate) struct NewValue {
    pub(crate) value: String,
    pub(crate) additional_price: i64,
}

/// What is chosen about one combination; the others get an id of ours and the usual quantity.
#[derive(Debug, Clone)]
pub(crate) struct NewSku {
    /// Group to value.
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) sku_id: Option<String>,
    pub(crate) initial_quantity: Option<i64>,
}

/// A SKU to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) sku_id: String,
    /// The number of the value in each group.
    pub(crate) combination: Vec<usize>,
    pub(crate) additional_price: i64,
    pub(crate) initial_quantity: i64,
}

/// As it is stored.
pub(crate) fn combination_text(combination: &[usize]) -> String {
    let numbers: Vec<String> = combination.iter().map(ToString::to_string).collect();
    numbers.join(".")
}

/// All combinations that are not in `existing`, with what `chosen` says about them.
pub(crate) fn plan(
    groups: &[NewGroup],
    existing: &BTreeSet<String>,
    chosen: &[NewSku],
    initial_quantity: i64,
) -> Result<Vec<Planned>, Refusal> {
    let count: usize = groups.iter().map(|group| group.values.len()).product();
    if count > SKUS_MAX {
        return Err(Refusal::TooManySkus(count));
    }
    let mut wishes = BTreeMap::new();
    for (n, sku) in chosen.iter().enumerate() {
        let place = place_of(groups, sku, n)?;
        if wishes.insert(place, sku).is_some() {
            return Err(Refusal::invalid(
                format!("skus[{n}].options"),
                "name the same combination as an earlier one",
            ));
        }
    }
    let mut planned = Vec::new();
    for combination in combinations(groups) {
        let wish = wishes.remove(&combination);
        if existing.contains(&combination_text(&combination)) {
            if wish.is_some() {
                return Err(Refusal::invalid(
                    "skus",
                    "name a combination that has a SKU",
                ));
            }
            continue;
        }
        let added = combination
            .iter()
            .zip(groups)
            .filter_map(|(value, group)| group.values.get(*value));
        planned.push(Planned {
            sku_id: wish
                .and_then(|sku| sku.sku_id.clone())
                .unwrap_or_else(|| format!("sku-{}", ids::uuid())),
            additional_price: added.map(|value| value.additional_price).sum(),
            initial_quantity: wish
                .and_then(|sku| sku.initial_quantity)
                .unwrap_or(initial_quantity),
            combination,
        });
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = planned.iter().find(|sku| !ids.insert(&sku.sku_id)) {
        return Err(Refusal::invalid(
            "skus",
            format!("give {} to two combinations", twice.sku_id),
        ));
    }
    // Everybody inserts in the order of the ids.
    planned.sort_by(|a, b| a.sku_id.cmp(&b.sku_id));
    Ok(planned)
}

/// One number for each group; one empty combination without groups.
fn combinations(groups: &[NewGroup]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for group in groups {
        all = all
            .into_iter()
            .flat_map(|begun: Vec<usize>| {
                (0..group.values.len()).map(move |value| {
                    let mut longer = begun.clone();
                    longer.push(value);
                    longer
                })
            })
            .collect();
    }
    all
}

fn place_of(groups: &[NewGroup], sku: &NewSku, n: usize) -> Result<Vec<usize>, Refusal> {
    let field = || format!("skus[{n}].options");
    if let Some(other) = sku
        .options
        .keys()
        .find(|name| !groups.iter().any(|group| group.name == **name))
    {
        return Err(Refusal::invalid(
            field(),
            format!("there is no group {other:?}"),
        ));
    }
    groups
        .iter()
        .map(|group| {
            let Some(wanted) = sku.options.get(&group.name) else {
                return Err(Refusal::invalid(
                    field(),
                    format!("need a value of the group {:?}", group.name),
                ));
            };
            let place = group.values.iter().position(|value| value.value == *wanted);
            place.ok_or_else(|| {
                let why = format!("the group {:?} has no value {wanted:?}", group.name);
                Refusal::invalid(field(), why)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, values: &[(&str, i64)]) -> NewGroup {
        let values = values.iter().map(|(value, additional_price)| NewValue {
            value: (*value).to_owned(),
            additional_price: *additional_price,
        });
        NewGroup {
            name: name.to_owned(),
            values: values.collect(),
        }
    }

    fn wish(options: &[(&str, &str)], sku_id: &str) -> NewSku {
        NewSku {
            options: options
                .iter()
                .map(|(group, value)| ((*group).to_owned(), (*value).to_owned()))
                .collect(),
            sku_id: Some(sku_id.to_owned()),
            initial_quantity: None,
        }
    }

    #[test]
    fn every_combination_has_one_sku_and_none_has_two() {
        let groups = [
            group("색상", &[("검정", 0), ("흰색", 500)]),
            group("Size", &[("M", 0), ("L", 1000), ("XL", 2000)]),
        ];
        let chosen = [wish(&[("색상", "흰색"), ("Size", "XL")], "white-xl")];
        let planned = plan(&groups, &BTreeSet::new(), &chosen, 7).expect("a plan");
        assert_eq!(planned.len(), 6);
        let places: BTreeSet<_> = planned.iter().map(|sku| &sku.combination).collect();
        assert_eq!(places.len(), 6);
        let white = planned
            .iter()
            .find(|sku| sku.sku_id == "white-xl")
            .expect("it");
        assert_eq!(white.combination, [1, 2]);
        assert_eq!((white.additional_price, white.initial_quantity), (2500, 7));
        let known: BTreeSet<String> = places.iter().map(|c| combination_text(c)).collect();
        assert_eq!(plan(&groups, &known, &[], 0), Ok(vec![]));
    }

    #[test]
    fn without_options_there_is_one_sku() {
        let planned = plan(&[], &BTreeSet::new(), &[wish(&[], "1")], 0).expect("a plan");
        assert_eq!(planned.len(), 1);
        assert_eq!(planned[0].sku_id, "1");
        assert_eq!(combination_text(&planned[0].combination), "");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let groups = [group("Size", &[("M", 0), ("L", 0)])];
        let refused = |chosen: &[NewSku]| plan(&groups, &BTreeSet::new(), chosen, 0).is_err();
        assert!(refused(&[wish(&[], "a")]));
        assert!(refused(&[wish(&[("Size", "S")], "a")]));
        assert!(refused(&[wish(&[("Size", "M"), ("Colour", "red")], "a")]));
        assert!(refused(&[
            wish(&[("Size", "M")], "a"),
            wish(&[("Size", "M")], "b")
        ]));
        assert!(refused(&[
            wish(&[("Size", "M")], "a"),
            wish(&[("Size", "L")], "a")
        ]));
        let twenty: Vec<(&str, i64)> = vec![("v", 0); 20];
        let many = [group("a", &twenty), group("b", &twenty)];
        assert_eq!(
            plan(&many, &BTreeSet::new(), &[], 0),
            Err(Refusal::TooManySkus(400))
        );
    }
}
