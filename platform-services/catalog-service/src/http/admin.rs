//! What admins do with products.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use serde::{Deserialize, Deserializer};
use service_kit::http::{Json, Path, Problem, Query, RequestContext};

use super::{Shop, check::Faults, products::detail, view::Detail, who::Admin};
use crate::{
    events::Teller,
    ids::IdText,
    limits::{
        DESCRIPTION_CHARS_MAX, GROUPS_MAX, OPTION_CHARS_MAX, PRODUCT_NAME_CHARS_MAX, SKUS_MAX,
        VALUES_MAX,
    },
    product::{self, Attributes, New, NewGroup, NewSku, NewValue, Product, Status},
    refusal::{Refusal, id_or},
};

/// `null` is as good as absent.
fn nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValueBody {
    value: String,
    #[serde(default, deserialize_with = "nothing")]
    additional_price: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupBody {
    name: String,
    values: Vec<ValueBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SkuBody {
    #[serde(default, deserialize_with = "nothing")]
    options: BTreeMap<String, String>,
    sku_id: Option<IdText>,
    initial_quantity: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateBody {
    name: String,
    #[serde(default, deserialize_with = "nothing")]
    description: String,
    price: i64,
    status: Option<String>,
    category_id: Option<IdText>,
    brand_id: Option<IdText>,
    image_url: Option<String>,
    #[serde(default, deserialize_with = "nothing")]
    option_groups: Vec<GroupBody>,
    #[serde(default, deserialize_with = "nothing")]
    skus: Vec<SkuBody>,
    #[serde(default, deserialize_with = "nothing")]
    initial_quantity: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateBody {
    version: u64,
    name: String,
    #[serde(default, deserialize_with = "nothing")]
    description: String,
    price: i64,
    category_id: Option<IdText>,
    brand_id: Option<IdText>,
    image_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StatusBody {
    status: String,
    version: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OptionsBody {
    version: u64,
    group: String,
    values: Vec<ValueBody>,
    #[serde(default, deserialize_with = "nothing")]
    skus: Vec<SkuBody>,
    #[serde(default, deserialize_with = "nothing")]
    initial_quantity: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VersionQuery {
    pub(super) version: Option<String>,
}

fn values(faults: &mut Faults, field: &str, values: Vec<ValueBody>) -> Vec<NewValue> {
    if values.is_empty() || values.len() > VALUES_MAX {
        faults.add(field, format!("must be 1 to {VALUES_MAX}"));
    }
    let values = values.into_iter().take(VALUES_MAX).enumerate();
    let mut checked: Vec<NewValue> = Vec::new();
    for (n, body) in values {
        let at = format!("{field}[{n}].value");
        let value = faults.text(&at, &body.value, OPTION_CHARS_MAX);
        let same = |known: &NewValue| known.value.to_lowercase() == value.to_lowercase();
        if checked.iter().any(same) {
            faults.add(at, "is in the group already");
        }
        let at = format!("{field}[{n}].additionalPrice");
        checked.push(NewValue {
            value,
            additional_price: faults.price(&at, body.additional_price),
        });
    }
    checked
}

fn groups(faults: &mut Faults, bodies: Vec<GroupBody>) -> Vec<NewGroup> {
    if bodies.len() > GROUPS_MAX {
        faults.add("optionGroups", format!("may be {GROUPS_MAX}"));
    }
    let mut checked: Vec<NewGroup> = Vec::new();
    for (n, body) in bodies.into_iter().take(GROUPS_MAX).enumerate() {
        let at = format!("optionGroups[{n}].name");
        let name = faults.text(&at, &body.name, OPTION_CHARS_MAX);
        let same = |known: &NewGroup| known.name.to_lowercase() == name.to_lowercase();
        if checked.iter().any(same) {
            faults.add(at, "is another group's already");
        }
        checked.push(NewGroup {
            name,
            values: values(faults, &format!("optionGroups[{n}].values"), body.values),
        });
    }
    checked
}

fn skus(faults: &mut Faults, bodies: Vec<SkuBody>) -> Vec<NewSku> {
    if bodies.len() > SKUS_MAX {
        faults.add("skus", format!("may be {SKUS_MAX}"));
    }
    let bodies = bodies.into_iter().take(SKUS_MAX).enumerate();
    let checked = bodies.map(|(n, body)| NewSku {
        options: body
            .options
            .iter()
            .map(|(group, value)| {
                let at = format!("skus[{n}].options");
                let group = faults.text(&at, group, OPTION_CHARS_MAX);
                (group, faults.text(&at, value, OPTION_CHARS_MAX))
            })
            .collect(),
        sku_id: body
            .sku_id
            .map(|id| faults.sku_id(&format!("skus[{n}].skuId"), id)),
        initial_quantity: body
            .initial_quantity
            .map(|units| faults.quantity(&format!("skus[{n}].initialQuantity"), units)),
    });
    checked.collect()
}

fn status(faults: &mut Faults, text: &str, may: &[Status]) -> Status {
    let known = Status::of_name(text).filter(|status| may.contains(status));
    known.unwrap_or_else(|| {
        let names: Vec<&str> = may.iter().map(|status| status.as_str()).collect();
        faults.add("status", format!("must be one of {}", names.join(", ")));
        Status::Draft
    })
}

impl CreateBody {
    fn check(self) -> Result<New, Problem> {
        let mut faults = Faults::default();
        let new = New {
            attributes: Attributes {
                name: faults.text("name", &self.name, PRODUCT_NAME_CHARS_MAX),
                description: faults.any_text(
                    "description",
                    &self.description,
                    DESCRIPTION_CHARS_MAX,
                ),
                price: faults.price("price", self.price),
                category: faults.id("categoryId", self.category_id),
                brand: faults.id("brandId", self.brand_id),
                image_url: faults.url("imageUrl", self.image_url),
            },
            status: status(
                &mut faults,
                self.status.as_deref().unwrap_or(Status::Draft.as_str()),
                &[Status::Draft, Status::OnSale],
            ),
            groups: groups(&mut faults, self.option_groups),
            skus: skus(&mut faults, self.skus),
            initial_quantity: faults.quantity("initialQuantity", self.initial_quantity),
        };
        faults.finish(new)
    }
}

/// After a commit: what was written to the outbox leaves, and the answer shows what is now.
async fn answer(
    shop: &Shop,
    context: &RequestContext,
    product: Product,
) -> Result<Json<Detail>, Problem> {
    shop.relay.wake();
    Ok(Json(detail(shop, context, product).await?))
}

pub(super) async fn create(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Detail>), Problem> {
    let new = body.check()?;
    let teller = Teller::new(&shop.outbox, &context);
    let product = product::create(&shop.pool, &teller, &new).await?;
    let location = format!("/api/products/{}", product.id);
    let shown = answer(&shop, &context, product).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], shown))
}

pub(super) async fn update(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Path(product_id): Path<String>,
    Json(body): Json<UpdateBody>,
) -> Result<Json<Detail>, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let mut faults = Faults::default();
    let wanted = Attributes {
        name: faults.text("name", &body.name, PRODUCT_NAME_CHARS_MAX),
        description: faults.any_text("description", &body.description, DESCRIPTION_CHARS_MAX),
        price: faults.price("price", body.price),
        category: faults.id("categoryId", body.category_id),
        brand: faults.id("brandId", body.brand_id),
        image_url: faults.url("imageUrl", body.image_url),
    };
    let wanted = faults.finish(wanted)?;
    let teller = Teller::new(&shop.outbox, &context);
    let product = product::update(&shop.pool, &teller, id, body.version, &wanted).await?;
    answer(&shop, &context, product).await
}

pub(super) async fn set_status(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Path(product_id): Path<String>,
    Json(body): Json<StatusBody>,
) -> Result<Json<Detail>, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let mut faults = Faults::default();
    let may = [Status::Draft, Status::OnSale, Status::Stopped];
    let to = status(&mut faults, &body.status, &may);
    let to = faults.finish(to)?;
    let teller = Teller::new(&shop.outbox, &context);
    let product = product::set_status(&shop.pool, &teller, id, body.version, to).await?;
    answer(&shop, &context, product).await
}

pub(super) async fn withdraw(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Path(product_id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Result<StatusCode, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let mut faults = Faults::default();
    let version = faults.version(query.version.as_deref());
    let version = faults.finish(version)?;
    let teller = Teller::new(&shop.outbox, &context);
    product::withdraw(&shop.pool, &teller, id, version).await?;
    shop.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add_values(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Path(product_id): Path<String>,
    Json(body): Json<OptionsBody>,
) -> Result<Json<Detail>, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let mut faults = Faults::default();
    let group = faults.text("group", &body.group, OPTION_CHARS_MAX);
    let values = values(&mut faults, "values", body.values);
    let skus = skus(&mut faults, body.skus);
    let usual = faults.quantity("initialQuantity", body.initial_quantity);
    faults.finish(())?;
    let teller = Teller::new(&shop.outbox, &context);
    let added = product::add_values(
        &shop.pool,
        &teller,
        id,
        body.version,
        &group,
        &values,
        (&skus, usual),
    );
    let product = added.await?;
    shop.reindex.wake();
    answer(&shop, &context, product).await
}

pub(super) async fn set_sku_status(
    State(shop): State<Shop>,
    _: Admin,
    context: RequestContext,
    Path((product_id, sku_id)): Path<(String, String)>,
    Json(body): Json<StatusBody>,
) -> Result<Json<Detail>, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let active = match body.status.as_str() {
        "ACTIVE" => true,
        "STOPPED" => false,
        _ => return Err(Refusal::invalid("status", "must be one of ACTIVE, STOPPED").into()),
    };
    let teller = Teller::new(&shop.outbox, &context);
    let set = product::set_sku_active(&shop.pool, &teller, id, body.version, &sku_id, active);
    let product = set.await?;
    answer(&shop, &context, product).await
}
