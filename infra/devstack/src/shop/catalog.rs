//! What the demo shop sells: `data/demo_catalog.json`, with the quantities of the demo stock.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    addresses::Addresses, demo_stock, failure::Failure, http::Api, output, service::CATALOG_SERVICE,
};

const BRANDS: &str = "/api/brands";
const CATEGORIES: &str = "/api/categories";
const PRODUCTS: &str = "/api/products";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Catalog {
    categories: Vec<Category>,
    brands: Vec<String>,
    products: Vec<Product>,
}

/// No two of the tree have one name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Category {
    name: String,
    children: Vec<Self>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Product {
    name: String,
    description: String,
    price: u64,
    brand: Option<String>,
    category: String,
    /// As catalog-service takes them.
    option_groups: Value,
    skus: Vec<Sku>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sku {
    sku_id: String,
    options: BTreeMap<String, String>,
}

/// Creates what is not there; what is there is left alone, whatever became of it. Says what there is.
pub(super) fn load(addresses: &Addresses, admin: &str) -> Result<String, Failure> {
    let catalog = read()?;
    let shop = Shop(Api::new(addresses, &CATALOG_SERVICE).with_token(admin));
    let categories = shop.categories(&catalog.categories)?;
    let brands = shop.brands(&catalog.brands)?;
    let quantities = demo_stock::initial_quantities();
    let mut created = 0;
    for product in &catalog.products {
        let request = request(product, &categories, &brands, &quantities);
        let answer = shop.0.call(&Method::POST, PRODUCTS, Some(&request))?;
        match (answer.status, answer.text("code")) {
            (201, _) => created += 1,
            (409, "SKU_ID_TAKEN") => {}
            _ => return Err(shop.0.unexpected(&Method::POST, PRODUCTS, &answer)),
        }
    }
    let all = catalog.products.len();
    output::progress(format!(
        "    {created} products created, {} there already",
        all - created
    ));
    Ok(format!("{all} products"))
}

fn read() -> Result<Catalog, Failure> {
    let text = include_str!("../../data/demo_catalog.json");
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            format!("demo_catalog.json: {error}"),
            "git status shows what was changed",
        )
    })
}

/// Ids by name.
type Ids = BTreeMap<String, String>;

struct Shop(Api);

impl Shop {
    fn categories(&self, wanted: &[Category]) -> Result<Ids, Failure> {
        let path = format!("{CATEGORIES}/tree");
        let mut ids = Ids::new();
        note_all(&self.list(&path, "categories")?, "categoryId", &mut ids);
        self.create_categories(wanted, None, &mut ids)?;
        Ok(ids)
    }

    fn create_categories(
        &self,
        wanted: &[Category],
        parent: Option<&str>,
        ids: &mut Ids,
    ) -> Result<(), Failure> {
        for (ordering, category) in wanted.iter().enumerate() {
            let id = match ids.get(&category.name) {
                Some(id) => id.clone(),
                None => {
                    let mut request = json!({"name": category.name, "ordering": ordering});
                    if let Some(parent) = parent {
                        request["parentId"] = parent.into();
                    }
                    self.create(CATEGORIES, &request, "categoryId")?
                }
            };
            self.create_categories(&category.children, Some(&id), ids)?;
            ids.insert(category.name.clone(), id);
        }
        Ok(())
    }

    fn brands(&self, wanted: &[String]) -> Result<Ids, Failure> {
        let mut ids = Ids::new();
        let path = format!("{BRANDS}?limit=100");
        note_all(&self.list(&path, "brands")?, "brandId", &mut ids);
        for name in wanted {
            if !ids.contains_key(name) {
                let id = self.create(BRANDS, &json!({"name": name}), "brandId")?;
                ids.insert(name.clone(), id);
            }
        }
        Ok(ids)
    }

    fn list(&self, path: &str, field: &str) -> Result<Vec<Value>, Failure> {
        let answer = self.0.call(&Method::GET, path, None)?;
        match answer.body.get(field).and_then(Value::as_array) {
            Some(list) => Ok(list.clone()),
            None => Err(self.0.unexpected(&Method::GET, path, &answer)),
        }
    }

    fn create(&self, path: &str, request: &Value, id: &str) -> Result<String, Failure> {
        let answer = self.0.call(&Method::POST, path, Some(request))?;
        if answer.status == 201 {
            return Ok(answer.text(id).to_owned());
        }
        Err(self.0.unexpected(&Method::POST, path, &answer))
    }
}

/// Those of a list, and of the lists of children in it.
fn note_all(list: &[Value], id: &str, ids: &mut Ids) {
    for entry in list {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        if let (Some(name), Some(id)) = (text("name"), text(id)) {
            ids.insert(name.to_owned(), id.to_owned());
        }
        if let Some(children) = entry.get("children").and_then(Value::as_array) {
            note_all(children, id, ids);
        }
    }
}

fn request(
    product: &Product,
    categories: &Ids,
    brands: &Ids,
    quantities: &BTreeMap<&str, u64>,
) -> Value {
    let sku = |sku: &Sku| {
        json!({
            "skuId": sku.sku_id,
            "options": sku.options,
            "initialQuantity": quantities.get(sku.sku_id.as_str()).copied().unwrap_or_default(),
        })
    };
    let brand = product.brand.as_ref().and_then(|name| brands.get(name));
    json!({
        "name": product.name,
        "description": product.description,
        "price": product.price,
        "status": "ON_SALE",
        "categoryId": categories.get(&product.category),
        "brandId": brand,
        "optionGroups": product.option_groups,
        "skus": product.skus.iter().map(sku).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(categories: &[Category]) -> Vec<&str> {
        let mut all = Vec::new();
        for Category { name, children } in categories {
            all.push(name.as_str());
            all.extend(names(children));
        }
        all
    }

    #[test]
    fn the_catalog_sells_all_the_stock_there_is() {
        let catalog = read().unwrap();
        assert!(catalog.products.len() >= 20);
        let skus = catalog.products.iter().flat_map(|product| &product.skus);
        let skus: BTreeSet<&str> = skus.map(|sku| sku.sku_id.as_str()).collect();
        let stock: BTreeSet<&str> = demo_stock::initial_quantities().into_keys().collect();
        assert_eq!(skus, stock);
        let languages = |name: &str| {
            name.chars().any(|letter| ('가'..='힣').contains(&letter))
                && name.chars().any(|letter| letter.is_ascii_lowercase())
        };
        for product in &catalog.products {
            assert!(languages(&product.name), "{}", product.name);
        }
    }

    #[test]
    fn every_name_leads_to_an_id() {
        let catalog = read().unwrap();
        let names = names(&catalog.categories);
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
        let tree = json!([{"name": "a", "categoryId": "1", "children": [
            {"name": "b", "categoryId": "2", "children": []}
        ]}]);
        let mut ids = Ids::new();
        note_all(tree.as_array().unwrap(), "categoryId", &mut ids);
        assert_eq!((&*ids["a"], &*ids["b"]), ("1", "2"));
        for product in &catalog.products {
            assert!(distinct.contains(product.category.as_str()));
            let brand = product.brand.as_ref();
            assert!(brand.is_none_or(|brand| catalog.brands.contains(brand)));
        }
        let request = request(
            &catalog.products[0],
            &ids,
            &ids,
            &BTreeMap::from([("1", 7)]),
        );
        assert_eq!(request["skus"][0]["initialQuantity"], 7);
    }
}
